import { useRef, useState } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';

export interface Column<Row> {
  readonly title: string;
  /** What it says in more words. */
  readonly about?: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What it is sorted by: numbers largest first, texts from A to Z. Undefined: it is not sorted by this. */
  readonly by?: (row: Row) => number | string | null;
}

export interface SortableTableProps<Row> {
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly columns: ReadonlyArray<Column<Row>>;
  /** The title of the column by which it is sorted at first. */
  readonly sortedBy: string;
  readonly empty: string;
  /** By which the rows were chosen: another one, and they are sorted anew. */
  readonly filter?: string;
}

interface Order {
  readonly title: string;
  readonly isReversed: boolean;
}

interface Held {
  readonly order: Order;
  readonly filter: string | undefined;
  readonly keys: readonly string[];
}

/** Rows past this are not drawn; a filter finds them. */
const MAX_ROWS = 200;

/** While somebody points at the table or is in it by keyboard, its rows stay where they are; the numbers go on. */
export function SortableTable<Row>(props: SortableTableProps<Row>): JSX.Element {
  const { caption, rows, keyOf, columns, sortedBy, empty, filter } = props;
  const [order, setOrder] = useState<Order>({ title: sortedBy, isReversed: false });
  const table = useRef<HTMLTableSectionElement>(null);
  const held = useRef<Held>(undefined);
  const column = columns.find(({ title }) => title === order.title);
  const isHeld =
    held.current?.order === order &&
    held.current.filter === filter &&
    table.current?.matches(':hover, :focus-within') === true;
  const sorted = isHeld
    ? inOrder(rows, keyOf, held.current?.keys ?? [])
    : sortRows(rows, column?.by, order.isReversed);
  held.current = { order, filter, keys: sorted.map(keyOf) };
  const isText = rows[0] !== undefined && typeof column?.by?.(rows[0]) === 'string';
  const choose = (title: string): void =>
    setOrder({ title, isReversed: title === order.title && !order.isReversed });
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, about, by }) => (
              <th
                key={title}
                scope="col"
                title={about}
                class={classOf(title)}
                aria-sort={title === order.title ? sortedAs(isText, order.isReversed) : undefined}
              >
                {by === undefined ? (
                  title
                ) : (
                  <button type="button" onClick={() => choose(title)}>
                    {title}
                    <span aria-hidden="true">
                      {title !== order.title ? '' : order.isReversed ? ' ▴' : ' ▾'}
                    </span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={table}>
          {sorted.slice(0, MAX_ROWS).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell }) => (
                <td key={title} class={classOf(title)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length === 0 && <p class="empty">{empty}</p>}
      {sorted.length > MAX_ROWS && (
        <p class="empty">{sorted.length - MAX_ROWS} more rows: filter to see them.</p>
      )}
    </div>
  );
}

function classOf(title: string): string {
  return `col-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
}

/** Numbers are the largest first, texts from A to Z, unless reversed. */
function sortedAs(isText: boolean, isReversed: boolean): 'ascending' | 'descending' {
  return isText === isReversed ? 'descending' : 'ascending';
}

function inOrder<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  keys: readonly string[],
): readonly Row[] {
  const places = new Map(keys.map((key, place) => [key, place]));
  return rows.toSorted(
    (a, b) => (places.get(keyOf(a)) ?? Infinity) - (places.get(keyOf(b)) ?? Infinity) || 0,
  );
}

function sortRows<Row>(rows: readonly Row[], by: Column<Row>['by'], isReversed: boolean): readonly Row[] {
  if (by === undefined) return rows;
  const sign = isReversed ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(by(a), by(b)));
}

function compare(a: number | string | null, b: number | string | null): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  const [one, other] = [a ?? -1, b ?? -1] as [number, number];
  return other - one;
}
