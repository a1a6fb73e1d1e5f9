import {
  EVERYTHING,
  substitute,
  type PanelJson,
  type TargetJson,
} from '../../test/dashboards/board-files.js';
import type { Prometheus } from '../../test/helpers/prometheus.js';

const VALUES = {
  __rate_interval: '30s',
  __range: '5m',
  ...EVERYTHING,
};

/** Points of a graph; more are not told apart at its width. */
const POINTS = 100;

interface Series {
  readonly name: string;
  /** One for each of the panel's times; null where there is none. */
  readonly values: ReadonlyArray<number | null>;
}

/** What the page needs to draw a panel. */
export interface PanelData {
  readonly type: string;
  readonly title: string;
  readonly collapsed: boolean;
  readonly gridPos: PanelJson['gridPos'];
  readonly unit: string;
  readonly min?: number;
  readonly max?: number;
  readonly noValue: string;
  readonly stacked: boolean;
  readonly colors: ReadonlyArray<readonly [pattern: string, color: string]>;
  readonly thresholds: ReadonlyArray<{ readonly value: number | null; readonly color: string }>;
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Texts and colours of single values. */
  readonly mapped: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
  readonly columns: ReadonlyArray<{
    readonly title: string;
    readonly unit?: string;
    readonly decimals?: number;
  }>;
  readonly rows: ReadonlyArray<ReadonlyArray<string | number | null>>;
}

/** The parts of a panel that say how it looks. */
interface Looks {
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
  readonly noValue?: string;
  readonly thresholds?: { readonly steps: PanelData['thresholds'] };
  readonly mappings?: ReadonlyArray<{ readonly options: PanelData['mapped'] }>;
  readonly custom?: { readonly stacking?: { readonly mode: string } };
}

interface Override {
  readonly matcher: { readonly options: string };
  readonly properties: ReadonlyArray<{ readonly id: string; readonly value?: unknown }>;
}

/** Asks Prometheus what the panel asks, for the last `seconds`. */
export async function panelData(
  prometheus: Prometheus,
  panel: PanelJson & { readonly collapsed?: boolean },
  seconds: number,
): Promise<PanelData> {
  const looks = (panel.fieldConfig?.defaults ?? {}) as Looks;
  const overrides = (panel.fieldConfig?.overrides ?? []) as unknown as Override[];
  const step = Math.max(1, Math.floor(seconds / POINTS));
  const end = Math.floor(Date.now() / 1000);
  const times = Array.from(
    { length: Math.floor(seconds / step) },
    (_, index) => end - seconds + index * step,
  );
  const isTable = panel.type === 'table';
  const series =
    isTable || panel.type === 'row'
      ? []
      : (
          await Promise.all(
            (panel.targets ?? []).map((target) => askRange(prometheus, target, times, seconds, step)),
          )
        ).flat();
  return {
    type: panel.type,
    title: panel.title,
    collapsed: panel.collapsed === true,
    gridPos: panel.gridPos,
    unit: looks.unit ?? 'short',
    ...(looks.min !== undefined && { min: looks.min }),
    ...(looks.max !== undefined && { max: looks.max }),
    noValue: looks.noValue ?? '–',
    stacked: looks.custom?.stacking?.mode === 'normal',
    colors: overrides.flatMap(({ matcher, properties }) =>
      properties
        .filter(({ id }) => id === 'color')
        .map(({ value }) => [matcher.options, (value as { fixedColor: string }).fixedColor] as const),
    ),
    thresholds: looks.thresholds?.steps ?? [],
    mapped: looks.mappings?.[0]?.options ?? {},
    times,
    series,
    ...(isTable ? await tableData(prometheus, panel, overrides) : { columns: [], rows: [] }),
  };
}

async function askRange(
  prometheus: Prometheus,
  target: TargetJson,
  times: readonly number[],
  seconds: number,
  step: number,
): Promise<Series[]> {
  const found = await prometheus.queryRange(substitute(target.expr, VALUES), seconds, step);
  return found.map(({ labels, values }) => {
    // Prometheus' own times differ from ours by a second when the clock moves on in between.
    const byIndex = new Map(
      values.map(([at, value]) => [Math.round((at - (times[0] ?? 0)) / step), value] as const),
    );
    return {
      name: (target.legendFormat ?? '').replaceAll(
        /\{\{\s*(\w+)\s*\}\}/g,
        (_all, label: string) => labels[label] ?? '',
      ),
      values: times.map((_time, index) => {
        const value = byIndex.get(index);
        return value === undefined || Number.isNaN(value) ? null : value;
      }),
    };
  });
}

/** As Grafana's transformations "merge" and "organize" do: a row for each set of labels, a column for each query. */
async function tableData(
  prometheus: Prometheus,
  panel: PanelJson,
  overrides: readonly Override[],
): Promise<Pick<PanelData, 'columns' | 'rows'>> {
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
  const keys = Object.entries(organize.indexByName ?? {})
    .toSorted(([, a], [, b]) => a - b)
    .map(([key]) => key);
  const rows = new Map<string, Map<string, string | number>>();
  const targets = panel.targets ?? [];
  for (const target of targets) {
    const column = targets.length === 1 ? 'Value' : `Value #${target.refId}`;
    for (const { labels, value } of await prometheus.query(substitute(target.expr, VALUES))) {
      const id = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      const row = rows.get(id) ?? new Map<string, string | number>(Object.entries(labels));
      rows.set(id, row.set(column, value));
    }
  }
  const columns = keys.map((key) => {
    const title = organize.renameByName?.[key] ?? key;
    const properties = overrides.find(({ matcher }) => matcher.options === title)?.properties ?? [];
    const unit = properties.find(({ id }) => id === 'unit')?.value;
    const decimals = properties.find(({ id }) => id === 'decimals')?.value;
    return {
      title,
      ...(typeof unit === 'string' && { unit }),
      ...(typeof decimals === 'number' && { decimals }),
    };
  });
  const sortKey = keys.find((key) => key.startsWith('Value')) ?? '';
  const sorted = Array.from(rows.values()).toSorted(
    (a, b) => Number(b.get(sortKey) ?? 0) - Number(a.get(sortKey) ?? 0),
  );
  return {
    columns,
    rows: sorted.map((row) => keys.map((key) => row.get(key) ?? (key.startsWith('Value') ? null : ''))),
  };
}
