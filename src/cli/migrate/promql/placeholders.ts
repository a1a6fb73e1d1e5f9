/** Grafana's variables: `$job`, `${job:regex}`, `[[job]]`. */
const VARIABLE = /\$\{\w+(?:[.:][\w.]+)?\}|\$\w+|\[\[\w+(?::\w+)?\]\]/g;

/**
 * A query whose variables are replaced by something of the same length that a parser of PromQL accepts: durations where they
 * stand in brackets or behind `offset`, names elsewhere. So positions in it are positions in the query.
 */
export function withoutVariables(query: string): string {
  return query.replaceAll(VARIABLE, (variable, offset: number) => {
    const isDuration = /(?:\[|:|\boffset\s)\s*$/.test(query.slice(0, offset));
    return isDuration ? `${'1'.repeat(variable.length - 1)}s` : 'v'.repeat(variable.length);
  });
}
