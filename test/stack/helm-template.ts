import { parse, stringify } from 'yaml';

type Values = Readonly<Record<string, unknown>>;

/**
 * The part of Helm's template language that the chart keeps to, since Helm itself is in no package that tests could install:
 * `{{ .Values.a.b }}`, `| default …`, `| quote`, `toYaml … | nindent n`, and `{{- if [not|eq] … }}` … `{{- end }}` around
 * lines. Throws on anything else, so that the chart cannot leave it unnoticed.
 */
export function renderTemplate(template: string, values: Values): string {
  const lines: string[] = [];
  /** Whether the lines within each open `if` are kept. */
  const open: boolean[] = [];
  for (const line of template.split('\n')) {
    const block = /^\{\{- (if .*|end) \}\}$/.exec(line)?.[1];
    if (block === 'end') {
      if (open.pop() === undefined) throw new Error('an end without an if');
    } else if (block !== undefined) open.push(condition(block.slice('if '.length), values));
    else if (!open.includes(false)) lines.push(...renderLine(line, values));
  }
  if (open.length > 0) throw new Error('an if without an end');
  return lines.join('\n');
}

function renderLine(line: string, values: Values): string[] {
  const whole = /^ *\{\{- toYaml (\S+) \| nindent (\d+) \}\}$/.exec(line);
  if (whole !== null) {
    const [, path = '', indent = ''] = whole;
    const yaml = stringify(lookup(path, values)).trimEnd();
    return yaml.split('\n').map((one) => ' '.repeat(Number(indent)) + one);
  }
  return [
    line.replaceAll(/\{\{ (.*?) \}\}/g, (_all, pipeline: string) => {
      const [first = '', ...filters] = pipeline.split(' | ');
      const value = filters.reduce(
        (input, filter) => applyFilter(filter, input, values),
        lookup(first, values),
      );
      return scalar(value);
    }),
  ];
}

function applyFilter(filter: string, input: unknown, values: Values): unknown {
  if (filter === 'quote') return JSON.stringify(scalar(input));
  const fallback = /^default (\S+)$/.exec(filter)?.[1];
  if (fallback !== undefined) return truthy(input) ? input : lookup(fallback, values);
  throw new Error(`unknown filter: ${filter}`);
}

function condition(expression: string, values: Values): boolean {
  const equal = /^eq (\S+) "(\w+)"$/.exec(expression);
  if (equal !== null) return lookup(equal[1] ?? '', values) === equal[2];
  const negated = /^not (\S+)$/.exec(expression)?.[1];
  return negated === undefined ? truthy(lookup(expression, values)) : !truthy(lookup(negated, values));
}

function lookup(path: string, values: Values): unknown {
  let found: unknown = values;
  for (const part of path.split('.').slice(1)) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined;
    if (found === undefined) throw new Error(`no value ${path}`);
  }
  return found;
}

function truthy(value: unknown): boolean {
  return value !== '' && value !== false && value !== 0;
}

function scalar(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  throw new Error(`not a scalar: ${JSON.stringify(value)}`);
}

/** What a chart's values and its own description are for a template. */
export function chartValues(chart: string, defaults: string, given: Values = {}): Values {
  const { appVersion } = parse(chart) as { appVersion: string };
  return { Values: { ...(parse(defaults) as Values), ...given }, Chart: { AppVersion: appVersion } };
}
