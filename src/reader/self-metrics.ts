import type { Meter } from '@opentelemetry/api';

import { OrchestratorError } from '../errors.js';
import { labelled } from '../model/labelled-options.js';
import type { StoreMetricExporter } from './store-metric-exporter.js';

/** Seconds: a flush takes a millisecond or two, and as long as the store's timeout when something is wrong. */
const FLUSH_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What this package says about itself; the table in docs/metrics.md. Live instances are counted at the scrape. */
export function observeExporter(meter: Meter, exporter: StoreMetricExporter): void {
  const duration = meter.createHistogram('orchestrator.flush.duration', {
    description: 'Time to write one flush to the store.',
    unit: 's',
    advice: { explicitBucketBoundaries: FLUSH_BUCKETS },
  });
  const failures = meter.createCounter(
    'orchestrator.flush.failures',
    labelled({
      description: 'Flushes that did not reach the store. Their data are kept and sent later.',
      unit: '{flush}',
      labels: ['error.type'],
    }),
  );
  const overflowed = meter.createCounter('orchestrator.points.overflowed', {
    description: 'Points that a limit on series moved into the series with otel_metric_overflow="true".',
    unit: '{point}',
  });
  const dropped = meter.createCounter('orchestrator.points.dropped', {
    description: 'Points and observations that could not be kept.',
    unit: '{point}',
  });
  const cut = meter.createCounter('orchestrator.labels.cut', {
    description: 'Label values, keys and names that were cut to ORCHESTRATOR_MAX_LABEL_LENGTH.',
    unit: '{text}',
  });
  meter
    .createObservableCounter('orchestrator.entries.unreadable', {
      description: 'Entries of the store that could not be read; each process counts those that it finds.',
      unit: '{entry}',
    })
    .addCallback((result) => result.observe(exporter.unreadableEntries()));
  meter
    .createObservableGauge('orchestrator.pending.series', {
      description: 'Series whose last additions wait for the store.',
      unit: '{series}',
    })
    .addCallback((result) => result.observe(exporter.pendingSeries));
  meter
    .createObservableGauge('orchestrator.series.limit', {
      description: 'Series that each metric may have over the whole project: ORCHESTRATOR_MAX_SERIES.',
      unit: '{series}',
    })
    .addCallback((result) => result.observe(exporter.maxSeries));
  meter
    .createObservableGauge('orchestrator.store.up', {
      description: '1 if the last flush reached the store, else 0.',
    })
    .addCallback((result) => result.observe(exporter.lastError === undefined ? 1 : 0));

  // Shown from the first scrape on, so that a rate over them has a beginning.
  for (const counter of [failures, overflowed, dropped, cut]) counter.add(0);
  exporter.onFlush = (report) => {
    duration.record(report.seconds);
    if (report.error !== undefined) failures.add(1, { 'error.type': errorType(report.error) });
    if (report.overflowed > 0) overflowed.add(report.overflowed);
    if (report.dropped > 0) dropped.add(report.dropped);
    if (report.cut > 0) cut.add(report.cut);
  };
}

function errorType(error: unknown): string {
  return error instanceof OrchestratorError ? error.code : '_OTHER';
}
