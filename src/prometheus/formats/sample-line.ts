import type { ByteWriter } from './byte-writer.js';
import { isLegacyName } from '../naming/escaping.js';
import type { Label } from '../naming/labels.js';

const COMMA = 44;
const NEW_LINE = 10;
const CLOSE = Buffer.from('} ');
const NO_BYTES = new Uint8Array();
/** Brackets, separators, the longest number, the line's end. */
const FIXED_BYTES = 40;

/** `\`, `"` and line feed: the three escapes of label values and quoted names in all text formats. */
export function escapeQuoted(text: string): string {
  return /[\\"\n]/.test(text)
    ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : text;
}

/** A name as it stands in a comment: quoted if an old parser could not read it. */
export function nameText(name: string): string {
  return isLegacyName(name, 'metric') ? name : `"${escapeQuoted(name)}"`;
}

/** `a="x",b="y"`, without brackets, because `le` or a quoted metric name may share them. */
export function labelsText(labels: readonly Label[]): Uint8Array {
  if (labels.length === 0) return NO_BYTES;
  return Buffer.from(labels.map(labelText).join(','), 'utf8');
}

function labelText([name, value]: Label): string {
  const shown = isLegacyName(name, 'label') ? name : `"${escapeQuoted(name)}"`;
  return `${shown}="${escapeQuoted(value)}"`;
}

/** Writes the lines of one sample name: `name{labels} value`, or `{"näme",labels} value`. */
export class SampleLine {
  readonly #writer: ByteWriter;
  /** `name ` */
  readonly #bare: Uint8Array;
  /** `name{`; for a quoted name the comma that follows it too. */
  readonly #open: Uint8Array;

  constructor(writer: ByteWriter, name: string) {
    this.#writer = writer;
    const legacy = isLegacyName(name, 'metric');
    this.#bare = Buffer.from(legacy ? `${name} ` : `{${nameText(name)}} `);
    this.#open = Buffer.from(legacy ? `${name}{` : `{${nameText(name)},`);
  }

  write(labels: Uint8Array, value: number): void {
    this.#start(labels);
    this.#writer.number(value);
    this.#writer.byte(NEW_LINE);
  }

  /** As {@link write}, with a number that is already text. */
  writeText(labels: Uint8Array, value: string): void {
    this.#start(labels);
    this.#writer.ascii(value);
    this.#writer.byte(NEW_LINE);
  }

  /** `last` is one more label and the end of the brackets: `le="0.5"} `. */
  writeBucket(labels: Uint8Array, last: Uint8Array, value: number): void {
    const writer = this.#writer;
    writer.reserve(this.#open.length + labels.length + last.length + FIXED_BYTES);
    writer.bytes(this.#open);
    if (labels.length > 0) {
      writer.bytes(labels);
      writer.byte(COMMA);
    }
    writer.bytes(last);
    writer.number(value);
    writer.byte(NEW_LINE);
  }

  #start(labels: Uint8Array): void {
    const writer = this.#writer;
    writer.reserve(this.#open.length + labels.length + FIXED_BYTES);
    if (labels.length === 0) writer.bytes(this.#bare);
    else {
      writer.bytes(this.#open);
      writer.bytes(labels);
      writer.bytes(CLOSE);
    }
  }
}

/** The `le` labels of a list of boundaries, `+Inf` included; kept for as long as the list itself. */
export class BucketLabels {
  readonly #text: (boundary: number) => string;
  readonly #known = new WeakMap<readonly number[], readonly Uint8Array[]>();

  constructor(text: (boundary: number) => string) {
    this.#text = text;
  }

  of(boundaries: readonly number[]): readonly Uint8Array[] {
    let labels = this.#known.get(boundaries);
    if (labels === undefined) {
      labels = [...boundaries.map(this.#text), '+Inf'].map((bound) => Buffer.from(`le="${bound}"} `));
      this.#known.set(boundaries, labels);
    }
    return labels;
  }
}
