import CliTable from 'cli-table3';

import { printable } from './cells.js';
import type { Terminal } from './terminal.js';

export interface Column {
  readonly title: string;
  /** Numbers are read from the right. Default: `left`. */
  readonly align?: 'left' | 'right';
}

/** Without lines: two spaces between columns, which `awk` and `cut` of a person's script take too. */
const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
);

/** Rows under their titles, as text. */
export function formatTable(
  columns: readonly Column[],
  rows: ReadonlyArray<readonly string[]>,
  title: (text: string) => string,
): string {
  const table = new CliTable({
    head: columns.map((column) => title(column.title)),
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map(({ align }) => align ?? 'left'),
  });
  table.push(...rows.map((row) => row.map(printable)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Prints rows under their titles. */
export function printTable(
  terminal: Terminal,
  columns: readonly Column[],
  rows: ReadonlyArray<readonly string[]>,
): Promise<void> {
  return terminal.line(formatTable(columns, rows, terminal.colours.bold));
}
