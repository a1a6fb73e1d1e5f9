import assert from 'node:assert/strict';

import type { Ending } from '../helpers/app-process.js';

export const quiet = {
  ORCHESTRATOR_STORE: 'memory',
  ORCHESTRATOR_PREFIX: 'own',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
};

/** What the application's exporters show, and our warnings. */
export function seen({ code, stdout, stderr }: Ending): { shown: string; warnings: string[] } {
  assert.equal(code, 0, stderr);
  return { shown: stdout, warnings: stderr.split('\n').filter((line) => line.includes(' warn: ')) };
}

export const ONE_WARNING: RegExp = /ORCHESTRATOR_ANOTHER_METER_PROVIDER warn: .*StoreMetricReader/;
