export { start, shutdown, type StartOptions } from './start/start.js';
export { flush, type FlushOptions } from './start/flush.js';
export type { Orchestrator } from './start/running.js';
export {
  metricsHandler,
  collectMetrics,
  type CollectedMetrics,
  type MetricsHandlerOptions,
} from './start/metrics-handler.js';
export { hashPassword } from './server/access/password-hash.js';
export {
  StoreMetricReader,
  type StoreMetricReaderOptions,
  /** The name of 0.1.0. */
  StoreMetricReader as RedisMetricReader,
  type StoreMetricReaderOptions as RedisMetricReaderOptions,
} from './reader/store-metric-reader.js';
export { StoreMetricExporter, type StoreMetricExporterOptions } from './reader/store-metric-exporter.js';
export type { FlushReport } from './reader/flush-report.js';
export type { GaugeMode, GaugeRule } from './reader/gauge-aggregation.js';
export { createStore } from './start/open-store.js';
export { Exposition, type ExpositionOptions, type Rendered } from './prometheus/exposition.js';
export { OrchestratorError, ERROR_CODES, type ErrorCode } from './errors.js';
export type { Warn, WarningCode } from './warnings.js';
export { setRoute } from './instrumentation/http/route.js';
export { setAction, type Action } from './instrumentation/http/action.js';
export { recordJob } from './application/record-job.js';
export { observeQueue, type ObservableQueue, type ObserveQueueOptions } from './application/observe-queue.js';
export { registerHealthCheck } from './application/register-health-check.js';
export type { HealthCheck, HealthCheckOptions } from './application/health-checks.js';
export type { ApplyResult, MetricStore, StoreContext } from './store/metric-store.js';
export type { Attributes, Scope, Series } from './model/series.js';
export type { CurrentPoint, DeltaBatch, DeltaPoint, FamilyPoints } from './model/delta-batch.js';
export type { Family, FamilyType, InstanceAggregation } from './model/family.js';
export type { Snapshot, SnapshotFamily, SnapshotInstance, SnapshotSeries } from './model/snapshot.js';
export type { SettingOptions } from './config/setting-options.js';
export type { Settings } from './config/settings.js';
export type { HostPort } from './config/setting-kinds.js';
