/** The first line of every generated page. */
export const GENERATED = '<!-- Written by `npm run docs`. Change the source, not this file. -->';

/** A table; a `|` in a cell does not end it. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [head, head.map(() => '---'), ...rows].map(row).join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')).join(' | ')} |`;
}
