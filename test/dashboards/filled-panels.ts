import assert from 'node:assert/strict';

import type { Prometheus } from '../helpers/prometheus.js';
import {
  EVERYTHING,
  panelsOf,
  substitute,
  type BoardJson,
  type PanelJson,
  type TargetJson,
} from './board-files.js';

/** As Grafana would for all projects and processes, an hour's view and a scrape each second. */
export const VALUES: Readonly<Record<string, string>> = {
  __rate_interval: '20s',
  __range: '10m',
  ...EVERYTHING,
};

export const WINDOW_SECONDS = 60;
export const STEP_SECONDS = 5;

interface Answer {
  readonly labels: ReadonlySet<string>;
  readonly hasValue: boolean;
}

/** Throws with the list of queries that return nothing, or lack a label that the panel shows. */
export async function assertNothingEmpty(prometheus: Prometheus, board: BoardJson): Promise<void> {
  const problems: string[] = [];
  for (const panel of panelsOf(board)) {
    for (const target of panel.targets ?? []) {
      const what = `"${panel.title}" ${target.refId}: ${target.expr}`;
      const { labels, hasValue } = await ask(prometheus, target);
      if (!hasValue) problems.push(`empty: ${what}`);
      for (const label of labelsShown(panel, target))
        if (hasValue && !labels.has(label)) problems.push(`no label ${label}: ${what}`);
    }
  }
  assert.deepEqual(problems, []);
}

async function ask(prometheus: Prometheus, target: TargetJson): Promise<Answer> {
  const expression = substitute(target.expr, VALUES);
  const series =
    target.instant === true
      ? (await prometheus.query(expression)).map(({ labels, value }) => ({ labels, values: [value] }))
      : (await prometheus.queryRange(expression, WINDOW_SECONDS, STEP_SECONDS)).map(({ labels, values }) => ({
          labels,
          values: values.map(([, value]) => value),
        }));
  return {
    labels: new Set(series.flatMap(({ labels }) => Object.keys(labels))),
    hasValue: series.some(({ values }) => values.some((value) => !Number.isNaN(value))),
  };
}

/** Labels in the names of a graph's series, or in the first columns of a table. */
function labelsShown(panel: PanelJson, target: TargetJson): string[] {
  const legend = Array.from(
    (target.legendFormat ?? '').matchAll(/\{\{\s*(\w+)\s*\}\}/g),
    ([, label = '']) => label,
  );
  const columns = (panel.transformations ?? []).flatMap(({ options }) =>
    Object.keys(options.renameByName ?? {}).filter((column) => !column.startsWith('Value')),
  );
  return [...legend, ...columns];
}
