import { createRequire } from 'node:module';

import type * as PrometheusModule from '@opentelemetry/exporter-prometheus';
import {
  ConsoleMetricExporter,
  PeriodicExportingMetricReader,
  type IMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';

import type { Settings } from '../../config/settings.js';
import { type Warn, warning } from '../../warnings.js';

const OTLP_PACKAGES: Readonly<Record<Settings['otlpProtocol'], string>> = {
  grpc: '@opentelemetry/exporter-metrics-otlp-grpc',
  'http/json': '@opentelemetry/exporter-metrics-otlp-http',
  'http/protobuf': '@opentelemetry/exporter-metrics-otlp-proto',
};

/** The upstream readers that OTEL_METRICS_EXPORTER names beside our own; each is loaded when it is asked for. */
export function upstreamReaders(settings: Settings, warn: Warn): IMetricReader[] {
  const readers: IMetricReader[] = [];
  for (const name of settings.metricsExporter.map((exporter) => exporter.toLowerCase())) {
    if (name === 'orchestrator' || name === 'none') continue;
    const reader = upstreamReader(name, settings);
    if (reader !== undefined) readers.push(reader);
    else warn(...warning('ORCHESTRATOR_EXPORTER_UNKNOWN', { exporter: name }));
  }
  return readers;
}

function upstreamReader(
  name: string,
  { otlpProtocol, metricExportInterval }: Settings,
): IMetricReader | undefined {
  switch (name) {
    case 'prometheus': {
      const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus') as typeof PrometheusModule;
      return new PrometheusExporter();
    }
    case 'console':
      return periodic(new ConsoleMetricExporter(), metricExportInterval);
    case 'otlp': {
      // From where sdk-node is: the very version that belongs to it, configured by its own OTEL_EXPORTER_OTLP_* variables.
      const fromSdk = createRequire(require.resolve('@opentelemetry/sdk-node'));
      const { OTLPMetricExporter } = fromSdk(OTLP_PACKAGES[otlpProtocol]) as {
        OTLPMetricExporter: new () => PushMetricExporter;
      };
      return periodic(new OTLPMetricExporter(), metricExportInterval);
    }
    default:
      return undefined;
  }
}

function periodic(exporter: PushMetricExporter, exportIntervalMillis: number): IMetricReader {
  return new PeriodicExportingMetricReader({ exporter, exportIntervalMillis });
}
