import { metrics, trace } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import {
  detectResources,
  envDetector,
  hostDetector,
  resourceFromAttributes,
  type Resource,
  type ResourceDetector,
} from '@opentelemetry/resources';
import { MeterProvider, type IMetricReader, type ViewOptions } from '@opentelemetry/sdk-metrics';
import type * as SdkNodeModule from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';

export interface SdkOptions {
  /** Set by the application; wins over every detected name. */
  readonly serviceName: string | undefined;
  /** What is known without detectors; detected attributes win. */
  readonly resource: Resource;
  /** Undefined: our defaults. Else OTEL_NODE_RESOURCE_DETECTORS is set and NodeSDK reads it. */
  readonly customDetectors: boolean;
  readonly readers: readonly IMetricReader[];
  readonly views: readonly ViewOptions[];
  readonly instrumentations: readonly Instrumentation[];
  readonly traces: boolean;
  readonly logs: boolean;
}

export interface Sdk {
  /** Sends the spans that wait for their batch. */
  flushSpans(): Promise<void>;
  /** Flushes and shuts down every provider. */
  shutdown(): Promise<void>;
}

/** Host and environment. Not the process detector: command lines carry secrets, and a resource is shown to everyone. */
const DETECTORS: ResourceDetector[] = [envDetector, hostDetector];

/**
 * Sets OpenTelemetry up. NodeSDK does it as soon as more than metrics is asked for. For metrics alone its one relevant
 * step is done here: loading NodeSDK brings every OTLP exporter, gRPC and a YAML parser with it, 108 of the 270 ms that
 * the preload took.
 */
export function startSdk(options: SdkOptions): Sdk {
  const { serviceName, customDetectors, instrumentations, traces, logs } = options;
  if (traces || logs || customDetectors || instrumentations.length > 0) return startNodeSdk(options);
  const resource = options.resource.merge(detectResources({ detectors: DETECTORS }));
  const provider = new MeterProvider({
    resource:
      serviceName === undefined
        ? resource
        : resource.merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName })),
    readers: [...options.readers],
    views: [...options.views],
  });
  metrics.setGlobalMeterProvider(provider);
  return { flushSpans: () => Promise.resolve(), shutdown: () => provider.shutdown() };
}

function startNodeSdk(options: SdkOptions): Sdk {
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof SdkNodeModule;
  const sdk = new NodeSDK({
    ...(options.serviceName !== undefined && { serviceName: options.serviceName }),
    resource: options.resource,
    ...(!options.customDetectors && { resourceDetectors: DETECTORS }),
    metricReaders: [...options.readers],
    views: [...options.views],
    instrumentations: [...options.instrumentations],
    ...(!options.traces && { spanProcessors: [] }),
    ...(!options.logs && { logRecordProcessors: [] }),
  });
  sdk.start();
  return { flushSpans, shutdown: () => sdk.shutdown() };
}

/** NodeSDK has no flush of its own; the provider that it registered has. */
async function flushSpans(): Promise<void> {
  const provider: object = trace.getTracerProvider();
  const delegate: object =
    'getDelegate' in provider && typeof provider.getDelegate === 'function'
      ? provider.getDelegate()
      : provider;
  if ('forceFlush' in delegate && typeof delegate.forceFlush === 'function') await delegate.forceFlush();
}
