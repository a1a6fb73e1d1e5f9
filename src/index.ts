export { start, shutdown, type StartOptions } from './start.js';
export type { Orchestrator } from './running.js';
export { metricsHandler, collectMetrics, type CollectedMetrics } from './metrics-handler.js';
export { RedisMetricReader, type RedisMetricReaderOptions } from './reader/redis-metric-reader.js';
export {
  StoreMetricExporter,
  type StoreMetricExporterOptions,
  type FlushReport,
} from './reader/store-metric-exporter.js';
export { createStore } from './open-store.js';
export { Exposition, type ExpositionOptions, type Rendered } from './prometheus/exposition.js';
export { OrchestratorError, ERROR_CODES, type ErrorCode } from './errors.js';
export { setRoute } from './instrumentation/route.js';
export { setAction, type Action } from './instrumentation/http-action.js';
export { recordJob } from './jobs.js';
export { observeQueue, type ObservableQueue, type ObserveQueueOptions } from './queue-depth.js';
export { registerHealthCheck } from './health.js';
export type { HealthCheck, HealthCheckOptions } from './server/health-checks.js';
export type {
  ApplyResult,
  Attributes,
  CurrentPoint,
  DeltaBatch,
  DeltaPoint,
  Family,
  FamilyPoints,
  FamilyType,
  InstanceAggregation,
  MetricStore,
  Scope,
  Series,
  Snapshot,
  SnapshotFamily,
  SnapshotSeries,
  StoreContext,
} from './store/metric-store.js';
export type { Settings, SettingOptions } from './config.js';
