import assert from 'node:assert/strict';

/** One sample line. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ExposedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly samples: readonly Sample[];
}

const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*/;
/** Go's ParseFloat reads more than this; nothing else is ever written by a client library. */
const VALUE = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/;

/**
 * A scrape in the text format 0.0.4, read more strictly than Prometheus does: what Prometheus silently accepts and stores
 * wrongly (a series twice, a family in two blocks, buckets that decrease, no `+Inf`) is an error here.
 * Source: prometheus/docs, exposition_formats.md.
 */
export class Exposition {
  readonly families: ReadonlyMap<string, ExposedFamily>;
  /** Lines that are samples: what Prometheus reports as `scrape_samples_scraped`. */
  readonly lines: number;

  constructor(text: string) {
    const families = parseFamilies(text);
    checkSeries(families);
    for (const family of families.values()) checkFamily(family);
    this.families = families;
    this.lines = [...families.values()].reduce((sum, { samples }) => sum + samples.length, 0);
  }

  /** The samples of this name whose labels include the given ones. */
  samples(name: string, labels: Readonly<Record<string, string>> = {}): Sample[] {
    const found: Sample[] = [];
    for (const { samples } of this.families.values()) {
      for (const sample of samples) {
        if (
          sample.name === name &&
          Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
        )
          found.push(sample);
      }
    }
    return found;
  }

  /** Their sum; 0 if there are none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.samples(name, labels).reduce((sum, sample) => sum + sample.value, 0);
  }
}

interface OpenFamily {
  name: string;
  type: string;
  help: string | undefined;
  samples: Sample[];
}

function parseFamilies(text: string): Map<string, OpenFamily> {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line must end with a line feed');
  const families = new Map<string, OpenFamily>();
  let current: OpenFamily | undefined;
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
    const where = `line ${index + 1}: ${line.slice(0, 200)}`;
    const comment = /^# (HELP|TYPE) (\S+)(?: (.*))?$/s.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      assert.match(name, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/, where);
      if (current?.name !== name) current = openFamily(families, name, where);
      if (kind === 'TYPE') setType(current, rest, where);
      else setHelp(current, rest, where);
    } else {
      assert.ok(line !== '' && !line.startsWith('#'), `neither HELP, TYPE nor a sample: ${where}`);
      const sample = parseSample(line, where);
      if (current === undefined || !belongsTo(sample.name, current))
        current = openFamily(families, sample.name, where);
      current.samples.push(sample);
    }
  }
  return families;
}

function openFamily(families: Map<string, OpenFamily>, name: string, where: string): OpenFamily {
  assert.ok(!families.has(name), `all lines of a family must be one block: ${where}`);
  const family: OpenFamily = { name, type: '', help: undefined, samples: [] };
  families.set(name, family);
  return family;
}

function setType(family: OpenFamily, type: string, where: string): void {
  assert.ok(TYPES.has(type), `unknown type: ${where}`);
  assert.equal(family.type, '', `a second TYPE: ${where}`);
  assert.equal(family.samples.length, 0, `TYPE after a sample: ${where}`);
  family.type = type;
}

function setHelp(family: OpenFamily, help: string, where: string): void {
  assert.equal(family.help, undefined, `a second HELP: ${where}`);
  assert.doesNotMatch(help.replaceAll(/\\[\\n]/g, ''), /\\/, `unknown escape: ${where}`);
  family.help = help;
}

function belongsTo(sample: string, { name, type }: OpenFamily): boolean {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample);
  if (type === 'summary') return [name, `${name}_sum`, `${name}_count`].includes(sample);
  return sample === name;
}

function parseSample(line: string, where: string): Sample {
  const name = METRIC_NAME.exec(line)?.[0];
  assert.ok(name !== undefined, `no metric name: ${where}`);
  const { labels, end } =
    line[name.length] === '{' ? parseLabels(line, name.length + 1, where) : { labels: {}, end: name.length };
  const rest = line.slice(end);
  assert.match(rest, /^ \S+$/, `one space and one value, no timestamp, must follow: ${where}`);
  return { name, labels, value: parseValue(rest.slice(1), where) };
}

function parseValue(text: string, where: string): number {
  assert.match(text, VALUE, `no number: ${where}`);
  return Number(text.replace('Inf', 'Infinity'));
}

function parseLabels(
  line: string,
  start: number,
  where: string,
): { labels: Record<string, string>; end: number } {
  const labels: Record<string, string> = {};
  let at = start;
  while (line[at] !== '}') {
    const name = LABEL_NAME.exec(line.slice(at))?.[0];
    assert.ok(name !== undefined, `no label name: ${where}`);
    assert.ok(!Object.hasOwn(labels, name), `label ${name} twice: ${where}`);
    assert.notEqual(name, '__name__', where);
    at += name.length;
    assert.equal(line.slice(at, at + 2), '="', `no quoted value: ${where}`);
    const value = parseQuoted(line, at + 2, where);
    labels[name] = value.text;
    at = value.end;
    if (line[at] === ',') at++;
    else assert.equal(line[at], '}', `labels do not end: ${where}`);
  }
  return { labels, end: at + 1 };
}

function parseQuoted(line: string, start: number, where: string): { text: string; end: number } {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const character = line[at];
    if (character === '"') return { text, end: at + 1 };
    if (character === '\\') text += unescape(line[++at], where);
    else text += character;
  }
  return assert.fail(`the value does not end: ${where}`);
}

function unescape(character: string | undefined, where: string): string {
  if (character === 'n') return '\n';
  assert.ok(character === '\\' || character === '"', `unknown escape: ${where}`);
  return character;
}

/** A series is its name and labels in any order; empty values count as absent. */
function seriesKey({ name, labels }: Sample, without?: string): string {
  const pairs = Object.entries(labels).filter(([key, value]) => key !== without && value !== '');
  return JSON.stringify([name, pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

function checkSeries(families: ReadonlyMap<string, OpenFamily>): void {
  const seen = new Set<string>();
  for (const { samples } of families.values()) {
    for (const sample of samples) {
      const key = seriesKey(sample);
      assert.ok(!seen.has(key), `the series is there twice: ${key}`);
      seen.add(key);
    }
  }
}

function checkFamily({ name, type, samples }: ExposedFamily): void {
  assert.notEqual(type, '', `no TYPE: ${name}`);
  assert.ok(samples.length > 0, `no sample: ${name}`);
  if (type === 'counter') {
    for (const sample of samples) assert.ok(sample.value >= 0, `a counter below zero: ${seriesKey(sample)}`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const rows = new Map<string, { buckets: Sample[]; count?: number; sum?: number }>();
  for (const sample of samples) {
    const key = seriesKey({ ...sample, name }, 'le');
    const row = rows.get(key) ?? { buckets: [] };
    rows.set(key, row);
    if (sample.name === `${name}_count`) row.count = sample.value;
    else if (sample.name === `${name}_sum`) row.sum = sample.value;
    else row.buckets.push(sample);
  }
  for (const [key, { buckets, count, sum }] of rows) {
    assert.ok(sum !== undefined && count !== undefined, `no _sum or no _count: ${key}`);
    assert.equal(buckets.at(-1)?.labels['le'], '+Inf', `the last bucket is not +Inf: ${key}`);
    assert.equal(buckets.at(-1)?.value, count, `+Inf is not _count: ${key}`);
    for (const [index, bucket] of buckets.entries()) {
      const before = buckets[index - 1];
      assert.ok(Number.isInteger(bucket.value), `a count that is no integer: ${key}`);
      if (before === undefined) continue;
      assert.ok(bound(before) < bound(bucket), `buckets are not ascending: ${key}`);
      assert.ok(before.value <= bucket.value, `bucket counts decrease: ${key}`);
    }
  }
}

function bound({ labels, name }: Sample): number {
  return parseValue(labels['le'] ?? '', `le of ${name}`);
}
