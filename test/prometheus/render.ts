import { Exposition, type ExpositionOptions, collectBody } from '../../src/prometheus/exposition.js';
import type { Attributes, Scope, Series } from '../../src/model/series.js';
import type { FamilyType } from '../../src/model/family.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../../src/model/snapshot.js';

/** What the tests of this folder ask for. */
export const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  text1: 'text/plain;version=1.0.0',
  utf8: 'text/plain;version=1.0.0;escaping=allow-utf-8',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
  openmetricsUtf8: 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const;

export function exposition(options: Partial<ExpositionOptions> = {}): Exposition {
  return new Exposition({
    translationStrategy: 'UnderscoreEscapingWithSuffixes',
    scopeInfo: true,
    targetInfo: true,
    resourceLabels: () => false,
    warn: () => undefined,
    ...options,
  });
}

export async function renderText(
  snapshot: Snapshot,
  accept: string = ACCEPT.text,
  by: Exposition = exposition(),
): Promise<string> {
  return (await renderBytes(snapshot, accept, by)).toString('utf8');
}

export function renderBytes(
  snapshot: Snapshot,
  accept: string,
  by: Exposition = exposition(),
): Promise<Buffer> {
  return collectBody(by.render(snapshot, accept).body);
}

/** The lines of the families that were put in: without those that every scrape has. */
export function ownLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && line !== '# EOF' && !line.includes('orchestrator_instance'));
}

export function snapshotOf(families: readonly SnapshotFamily[], resource: Attributes = []): Snapshot {
  return { resource, instances: 1, families };
}

export interface FamilyParts {
  readonly unit?: string;
  readonly help?: string;
  readonly boundaries?: readonly number[];
}

export function familyOf(
  name: string,
  type: FamilyType,
  series: readonly SnapshotSeries[],
  { unit = '', help = '', boundaries }: FamilyParts = {},
): SnapshotFamily {
  const key = JSON.stringify([name, type, unit, boundaries]);
  return { family: { key, name, type, unit, help, ...(boundaries && { boundaries }) }, series };
}

export function seriesOf(
  attributes: Attributes,
  values: readonly number[],
  { startMs = 0, scope = { name: '' } }: { readonly startMs?: number; readonly scope?: Scope } = {},
): SnapshotSeries {
  const series: Series = { id: JSON.stringify([scope, attributes]), scope, attributes };
  return { series, startMs, values };
}
