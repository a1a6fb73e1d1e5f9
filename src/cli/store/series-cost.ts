import type { FamilyType } from '../../model/family.js';
import { OVERFLOW_SERIES } from '../../model/series.js';
import type { Snapshot, SnapshotFamily } from '../../model/snapshot.js';
import type { Label } from '../../prometheus/naming/labels.js';
import type { MetricNames } from '../output/metric-names.js';

/** One label of one metric. */
export interface LabelCost {
  readonly name: string;
  /** Different ones. */
  readonly values: number;
  /** How many series fewer there were without the label. */
  readonly saved: number;
  /** One of its values. */
  readonly example: string;
}

export interface FamilyCost {
  /** Its name in Prometheus. */
  readonly metric: string;
  readonly type: FamilyType;
  readonly series: number;
  /** Lines at each scrape, without `_created`. */
  readonly samples: number;
  /** The limit was reached: what is beyond it is in one series. */
  readonly overflowed: boolean;
  /** Dearest first. */
  readonly labels: readonly LabelCost[];
}

/** What each metric of a snapshot costs, dearest first. */
export function familyCosts({ families }: Snapshot, names: MetricNames): FamilyCost[] {
  return families
    .map((one) => familyCost(one, names))
    .toSorted((a, b) => b.series - a.series || b.samples - a.samples || (a.metric < b.metric ? -1 : 1));
}

function familyCost({ family, series }: SnapshotFamily, names: MetricNames): FamilyCost {
  const { type, boundaries = [] } = family;
  const isHistogram = type === 'histogram' || type === 'exponentialhistogram';
  const each = isHistogram ? boundaries.length + 3 : 1;
  return {
    metric: names.metric(family),
    type,
    series: series.length,
    samples: series.length * each,
    overflowed: series.some(({ series: { id } }) => id === OVERFLOW_SERIES.id),
    labels: labelCosts(series.map((one) => names.labels(one.series))),
  };
}

function labelCosts(all: ReadonlyArray<readonly Label[]>): LabelCost[] {
  const values = new Map<string, Set<string>>();
  for (const labels of all) {
    for (const [name, value] of labels) {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  return Array.from(values, ([name, different]) => {
    const without = new Set(all.map((labels) => JSON.stringify(labels.filter(([own]) => own !== name))));
    const [example = ''] = different;
    return { name, values: different.size, saved: all.length - without.size, example };
  }).toSorted((a, b) => b.saved - a.saved || b.values - a.values);
}
