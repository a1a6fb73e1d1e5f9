/** Enough for a curve. */
const DIGITS = 5;

interface Column {
  readonly values: Float64Array;
  /** The number of the row that has its last value. */
  last: number;
}

/** Some rows, as JSON has them. */
export interface Rows {
  readonly times: number[];
  readonly columns: Record<string, Array<number | null>>;
}

/** The last rows of a table of numbers. Bounded in rows and in columns; a column without a value in any row is gone. */
export class History {
  readonly #size: number;
  readonly #maxColumns: number;
  readonly #times: Float64Array;
  readonly #columns = new Map<string, Column>();
  #last = 0;

  /** @param size rows */
  constructor(size: number, maxColumns: number) {
    this.#size = size;
    this.#maxColumns = maxColumns;
    this.#times = new Float64Array(size);
  }

  /** The number of the newest row; the first one is 1, and 0 means that there is none. */
  get last(): number {
    return this.#last;
  }

  has(name: string): boolean {
    return this.#columns.has(name);
  }

  /** Adds a row. Of the columns that have no room any more nothing is kept: the first in `values` are the first served. */
  add(atMs: number, values: ReadonlyMap<string, number | undefined>): void {
    this.#last += 1;
    const at = this.#last % this.#size;
    this.#times[at] = atMs;
    for (const [name, column] of this.#columns) {
      column.values[at] = Number.NaN;
      if (column.last <= this.#last - this.#size) this.#columns.delete(name);
    }
    for (const [name, value] of values) {
      if (value === undefined || !Number.isFinite(value)) continue;
      const column = this.#columns.get(name) ?? this.#newColumn(name);
      if (column === undefined) continue;
      column.values[at] = value;
      column.last = this.#last;
    }
  }

  /** The rows after that number. */
  after(number: number): Rows {
    const first = Math.max(number, this.#last - this.#size) + 1;
    const slots = Array.from(
      { length: Math.max(0, this.#last - first + 1) },
      (_, row) => (first + row) % this.#size,
    );
    const columns: Rows['columns'] = {};
    for (const [name, { values, last }] of this.#columns) {
      if (last >= first) columns[name] = slots.map((slot) => rounded(values[slot]));
    }
    return { times: slots.map((slot) => this.#times[slot] ?? 0), columns };
  }

  #newColumn(name: string): Column | undefined {
    if (this.#columns.size >= this.#maxColumns) return undefined;
    const column = { values: new Float64Array(this.#size).fill(Number.NaN), last: 0 };
    this.#columns.set(name, column);
    return column;
  }
}

/** Null if there is none. */
export function rounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(DIGITS));
}
