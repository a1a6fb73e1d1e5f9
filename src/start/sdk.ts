import { createRequire } from 'node:module';

import { metrics, trace } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import {
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
  type ResourceDetector,
} from '@opentelemetry/resources';
import { MeterProvider, type IMetricReader, type ViewOptions } from '@opentelemetry/sdk-metrics';
import type * as SdkNodeModule from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';

import { hostDetector } from './identity/resource.js';

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
  /** Sends the spans and log records that wait; metrics are their readers' business. May reject. */
  flush(): Promise<void>;
  /** Flushes and shuts down every provider. */
  shutdown(): Promise<void>;
}

/** Environment and host. Not the process detector: command lines carry secrets, and a resource is shown to everyone. */
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
  return { flush: () => Promise.resolve(), shutdown: () => provider.shutdown() };
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
  return { flush: flushSpansAndLogs, shutdown: () => sdk.shutdown() };
}

/** NodeSDK can be shut down, but not flushed. Its providers are the global ones. */
async function flushSpansAndLogs(): Promise<void> {
  // From where sdk-node is: the very version that belongs to it.
  const fromSdk = createRequire(require.resolve('@opentelemetry/sdk-node'));
  const { logs } = fromSdk('@opentelemetry/api-logs') as { logs: { getLoggerProvider(): object } };
  await Promise.all([trace.getTracerProvider(), logs.getLoggerProvider()].map(forceFlush));
}

async function forceFlush(provider: object): Promise<void> {
  if ('forceFlush' in provider && typeof provider.forceFlush === 'function') await provider.forceFlush();
  else if ('getDelegate' in provider && typeof provider.getDelegate === 'function')
    await forceFlush(provider.getDelegate() as object);
}
