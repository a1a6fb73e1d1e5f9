import { expressPromBundle } from './express-prom-bundle.js';
import type { Library } from './library.js';
import { openTelemetry } from './opentelemetry.js';
import { pm2Modules } from './pm2-modules.js';
import { promClient } from './prom-client.js';
import { prometheusApiMetrics } from './prometheus-api-metrics.js';

/** Everything that is migrated from. Where two explain one metric, the first one does. */
export const LIBRARIES: readonly Library[] = [
  expressPromBundle,
  prometheusApiMetrics,
  promClient,
  pm2Modules,
  openTelemetry,
];
