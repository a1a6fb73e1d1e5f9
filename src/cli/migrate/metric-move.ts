/** Where something was found: a file of the application and a line, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What becomes of one metric that the application has today. */
export interface MetricMove {
  readonly from: string;
  /** Its name at our endpoint. The same as `from`: it stays what it is, and where it is. Undefined: we have none like it. */
  readonly to: string | undefined;
  /** A histogram is also known by its name with `_bucket`, `_sum` and `_count`. */
  readonly histogram?: boolean;
  /** Labels that have another name there. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Values of the old labels that are written in another way there. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** A matcher that the new metric needs to mean the old one: `process_cpu_state="user"`. */
  readonly matcher?: string;
  /** The new metric has a label more: a query has to sum over it. */
  readonly summed?: boolean;
  /** Upper boundaries of the new histogram's buckets; a query for another one finds nothing. */
  readonly boundaries?: readonly number[];
  /** Why queries cannot just take the new name, or what is different about it. */
  readonly note?: string;
  /** False: queries are listed and not rewritten. Default true. */
  readonly rewritable?: boolean;
  readonly place?: Place;
}

/** Something that only a person can do, and where. */
export interface Remark {
  readonly place: Place;
  readonly text: string;
}
