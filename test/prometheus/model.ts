import assert from 'node:assert/strict';

import {
  type MetricFamily,
  type Dialect,
  groupFamilies,
} from '../../src/prometheus/families/metric-family.js';
import { attributeLabels, seriesLabels } from '../../src/prometheus/naming/labels.js';
import { type Naming, labelNamer, metricName, withoutTotal } from '../../src/prometheus/naming/names.js';
import {
  type Exponential,
  exponentialCount,
  unpackExponential,
} from '../../src/model/exponential-histogram.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../../src/model/snapshot.js';

const DEFAULT_NAMING: Naming = { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' };

/** A sample as any parser reads it. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * What a scrape must say, computed with maps and loops from the snapshot. Names, labels and conflicts are decided by the
 * modules that have their own tests; everything after them is computed anew: merging, buckets, what a format leaves out.
 * Buckets of exponential histograms are not predicted, only their count and sum.
 */
export function expectedSamples(
  snapshot: Snapshot,
  dialect: Dialect,
  naming: Naming = DEFAULT_NAMING,
): Map<string, number> {
  const expected = new Map<string, number>();
  const rules = rulesOf(naming);
  for (const metric of metricsOf(snapshot, dialect, naming)) {
    if (metric.families.length === 0) {
      const labels = attributeLabels(snapshot.resource, rules.nameOf);
      expected.set(sampleKey(metric.name, Object.fromEntries(labels)), 1);
    }
    for (const [labels, members] of groups(metric, rules)) {
      for (const [name, extra, value] of samplesOf(metric, members, dialect)) {
        expected.set(sampleKey(name, { ...JSON.parse(labels), ...extra }), value);
      }
    }
  }
  return expected;
}

function metricsOf(snapshot: Snapshot, dialect: Dialect, naming: Naming): MetricFamily[] {
  return groupFamilies(snapshot, {
    dialect,
    targetInfo: true,
    nameOf: (family) => metricName(family, naming),
    report: () => undefined,
  });
}

const rulesOf = (naming: Naming): Rules => ({ nameOf: labelNamer(naming), scopeInfo: true, resource: [] });

/** What each native histogram is the sum of, by {@link sampleKey}. */
export function nativeHistograms(snapshot: Snapshot): Map<string, Exponential[]> {
  const found = new Map<string, Exponential[]>();
  for (const metric of metricsOf(snapshot, 'prometheus', DEFAULT_NAMING)) {
    if (metric.type !== 'histogram') continue;
    if (!metric.families.every(({ family }) => family.type === 'exponentialhistogram')) continue;
    for (const [labels, members] of groups(metric, rulesOf(DEFAULT_NAMING))) {
      const key = sampleKey(metric.name, JSON.parse(labels) as Record<string, string>);
      found.set(
        key,
        members.map(({ values }) => unpackExponential(values)),
      );
    }
  }
  return found;
}

interface Member extends SnapshotSeries {
  readonly of: SnapshotFamily;
}

type Rules = Parameters<typeof seriesLabels>[1];

function groups(metric: MetricFamily, rules: Rules): Map<string, Member[]> {
  const found = new Map<string, Member[]>();
  for (const of of metric.families) {
    for (const entry of of.series) {
      const labels = JSON.stringify(
        Object.fromEntries(seriesLabels(entry.series, rules, metric.type === 'histogram')),
      );
      found.set(labels, [...(found.get(labels) ?? []), { ...entry, of }]);
    }
  }
  return found;
}

type Expected = [name: string, extra: Record<string, string>, value: number];

function samplesOf(metric: MetricFamily, members: readonly Member[], dialect: Dialect): Expected[] {
  if (metric.type === 'histogram') return histogramSamples(metric, members, dialect);
  let value: number | undefined;
  for (const { of, values } of members) {
    value = value === undefined || of.family.type === 'gauge' ? (values[0] ?? 0) : value + (values[0] ?? 0);
  }
  const created: Expected[] =
    metric.type === 'counter' ? createdSample(withoutTotal(metric.name), members, dialect) : [];
  return [[metric.name, {}, value ?? 0], ...created];
}

function histogramSamples(metric: MetricFamily, members: readonly Member[], dialect: Dialect): Expected[] {
  const { name } = metric;
  const explicit = metric.families.filter(({ family }) => family.type === 'histogram');
  let shared = explicit[0]?.family.boundaries ?? [];
  for (const { family } of explicit) shared = shared.filter((bound) => family.boundaries?.includes(bound));
  let sum: number | undefined;
  let count = 0;
  for (const { of, values } of members) {
    const exponential = of.family.type === 'exponentialhistogram' ? unpackExponential(values) : undefined;
    const own = exponential?.sum ?? values[0] ?? 0;
    sum = sum === undefined ? own : sum + own;
    count += exponential ? exponentialCount(exponential) : countUpTo(Infinity, of, values);
  }
  const samples: Expected[] = [[`${name}_bucket`, { le: '+Inf' }, count]];
  if (members.every(({ of }) => of.family.type === 'histogram')) {
    for (const bound of shared) {
      if (dialect === 'openmetrics' && bound < 0) continue;
      let upTo = 0;
      for (const { of, values } of members) upTo += countUpTo(bound, of, values);
      samples.push([`${name}_bucket`, { le: String(bound) }, upTo]);
    }
  }
  samples.push([`${name}_sum`, {}, sum ?? 0], [`${name}_count`, {}, count]);
  return [...samples, ...createdSample(name, members, dialect)];
}

function countUpTo(bound: number, { family }: SnapshotFamily, values: ArrayLike<number>): number {
  let total = 0;
  for (const [index, upper] of [...(family.boundaries ?? []), Infinity].entries()) {
    if (upper <= bound) total += values[index + 1] ?? 0;
  }
  return total;
}

function createdSample(name: string, members: readonly Member[], dialect: Dialect): Expected[] {
  const starts = members.map(({ startMs }) => startMs).filter((startMs) => startMs > 0);
  if (dialect !== 'openmetrics' || starts.length === 0) return [];
  return [[`${name}_created`, {}, Math.min(...starts) / 1000]];
}

/** Numbers in `le` are compared as numbers: formats and servers spell them differently. Empty labels are none. */
export function sampleKey(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => [
      key,
      key === 'le' && name.endsWith('_bucket') ? String(Number(value.replace(/Inf$/, 'Infinity'))) : value,
    ])
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return JSON.stringify([name, pairs]);
}

/**
 * Every expected sample was read with its very value, and nothing else was, apart from buckets of exponential histograms
 * (of which Prometheus reads none from protobuf).
 */
export function assertSamples(
  read: readonly ReadSample[],
  expected: ReadonlyMap<string, number>,
  exponential: ReadonlySet<string>,
  where: string,
): void {
  const actual = new Map<string, number>();
  for (const { name, labels, value } of read) {
    const key = sampleKey(name, labels);
    assert.ok(!actual.has(key), `${where}: twice: ${key}`);
    actual.set(key, value + 0);
  }
  for (const [key, value] of expected) {
    assert.ok(actual.has(key), `${where}: missing: ${key}`);
    assert.equal(actual.get(key), value + 0, `${where}: ${key}`);
    actual.delete(key);
  }
  const others = read.filter(
    ({ name, labels }) => actual.has(sampleKey(name, labels)) && !exponential.has(name),
  );
  assert.deepEqual(others, [], `${where}: not expected`);
}

/** The bucket names of blocks in which an exponential histogram is. */
export function exponentialBuckets(snapshot: Snapshot, naming: Naming = DEFAULT_NAMING): Set<string> {
  const names = new Set<string>();
  for (const { family } of snapshot.families) {
    const name = metricName(family, naming);
    if (family.type === 'exponentialhistogram' && name !== undefined) names.add(`${name.name}_bucket`);
  }
  return names;
}
