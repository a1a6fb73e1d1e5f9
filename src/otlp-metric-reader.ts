import { createRequire } from 'node:module';

import { PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';

/**
 * The OTLP exporter that sdk-node depends on, configured by its own OTEL_EXPORTER_OTLP_* variables. It is loaded from
 * where sdk-node is, so that it is the very version that belongs to it.
 */
export function otlpMetricReader(protocol: string): PeriodicExportingMetricReader {
  const fromSdk = createRequire(require.resolve('@opentelemetry/sdk-node'));
  const name = PACKAGES.get(protocol) ?? DEFAULT_PACKAGE;
  const { OTLPMetricExporter } = fromSdk(name) as { OTLPMetricExporter: new () => PushMetricExporter };
  return new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() });
}

const DEFAULT_PACKAGE = '@opentelemetry/exporter-metrics-otlp-proto';
const PACKAGES: ReadonlyMap<string, string> = new Map([
  ['grpc', '@opentelemetry/exporter-metrics-otlp-grpc'],
  ['http/json', '@opentelemetry/exporter-metrics-otlp-http'],
  ['http/protobuf', DEFAULT_PACKAGE],
]);
