import { createRequire } from 'node:module';

import * as api from '@opentelemetry/api';
import { type MeterProvider as ApiMeterProvider, metrics, trace } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import {
  detectResources,
  resourceFromAttributes,
  type Resource,
  type ResourceDetector,
} from '@opentelemetry/resources';
import { MeterProvider, type IMetricReader, type ViewOptions } from '@opentelemetry/sdk-metrics';
import type * as SdkNodeModule from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';

import { withVariables } from '../../config/environment.js';
import type { SpanInstrumentations } from '../../instrumentation/spans/tracing.js';
import { ApiPlaces } from './api-places.js';
import { LentLogs } from './lent-logs.js';
import { LentTracerProvider } from './lent-tracer-provider.js';

export interface SdkOptions {
  /** Set by the application; wins over every detected name. */
  readonly serviceName: string | undefined;
  /** What is known without detectors; detected attributes win. */
  readonly resource: Resource;
  readonly detectors: ResourceDetector[];
  readonly readers: readonly IMetricReader[];
  readonly views: readonly ViewOptions[];
  /** Of the application, beside our own. */
  readonly instrumentations: readonly Instrumentation[];
  /** Loads our span instrumentations; undefined: no traces are wanted. */
  readonly spans: (() => SpanInstrumentations) | undefined;
  readonly logs: boolean;
  /** Called once when the application has a MeterProvider of its own, from before or from then on. */
  readonly ownMetrics: () => void;
}

export interface Sdk {
  /** Ours, whatever the application registers. */
  readonly meterProvider: ApiMeterProvider;
  /** Whether our span instrumentations are there; not where the application had a tracer of its own before. */
  readonly traced: boolean;
  /** Sends the spans and log records that wait; metrics are their readers' business. May reject. */
  flush(): Promise<void>;
  /** Flushes and shuts down every provider, and gives up its place in the API. */
  shutdown(): Promise<void>;
}

/**
 * Sets OpenTelemetry up: a MeterProvider, and NodeSDK as soon as more than metrics is asked for. Loading NodeSDK brings every
 * OTLP exporter, gRPC and a YAML parser with it, 108 of the 270 ms that the preload took.
 *
 * All of it keeps its places in the API for the application: see {@link ApiPlaces}. When the application has a tracer of its
 * own our span instrumentations stand down, so that no span is doubled.
 */
export function startSdk(options: SdkOptions): Sdk {
  let node: NodePart | undefined;
  const places = new ApiPlaces((place, theirs) => {
    node?.logs.release();
    if (place === 'metrics') options.ownMetrics();
    if (place === 'trace') node?.standDown(theirs);
  });
  const meterProvider = createMeterProvider(options);
  if (places.isTaken('metrics')) options.ownMetrics();
  else places.keep(() => metrics.setGlobalMeterProvider(meterProvider));
  const spans = places.isTaken('trace') ? undefined : options.spans?.();
  if (spans !== undefined || options.logs || options.instrumentations.length > 0)
    places.keep(() => (node = startNode(options, spans)));
  return {
    meterProvider,
    traced: spans !== undefined,
    flush: async () => node?.flush(),
    async shutdown() {
      places.leave();
      await Promise.all([node?.shutdown(), meterProvider.shutdown()]);
    },
  };
}

function createMeterProvider({
  serviceName,
  detectors,
  readers,
  views,
  ...options
}: SdkOptions): MeterProvider {
  const resource = options.resource.merge(detectResources({ detectors }));
  return new MeterProvider({
    resource:
      serviceName === undefined
        ? resource
        : resource.merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName })),
    readers: [...readers],
    views: [...views],
  });
}

/** What NodeSDK sets up: traces, logs, propagation and instrumentations. */
interface NodePart {
  readonly logs: LentLogs;
  standDown(theirs: unknown): void;
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

function startNode(options: SdkOptions, spans: SpanInstrumentations | undefined): NodePart {
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof SdkNodeModule;
  // Without this, NodeSDK would set up OTLP for logs, or with an empty list of processors take the place all the same.
  const withoutLogs = options.logs ? {} : { OTEL_LOGS_EXPORTER: 'none' };
  // With a level, NodeSDK would print diagnostics by itself, past our log, which hides secrets.
  const variables = { ...withoutLogs, OTEL_LOG_LEVEL: '' };
  const sdk = withVariables(variables, () => {
    const created = new NodeSDK({
      ...(options.serviceName !== undefined && { serviceName: options.serviceName }),
      resource: options.resource,
      resourceDetectors: options.detectors,
      metricReaders: [],
      instrumentations: [...(spans?.instrumentations ?? []), ...options.instrumentations],
      ...(spans === undefined && { spanProcessors: [] }),
    });
    created.start();
    return created;
  });
  const tracers = spans === undefined ? undefined : lendTracers();
  const logs = new LentLogs(options.logs ? loggerProvider() : undefined);
  return {
    logs,
    standDown(theirs) {
      spans?.standDown();
      tracers?.handOver(theirs);
    },
    flush: async () => {
      await Promise.all([tracers?.forceFlush(), logs.forceFlush()]);
    },
    shutdown: () => sdk.shutdown(),
  };
}

/** Puts itself between the API's proxy, which every tracer of the application is made by, and the provider of NodeSDK. */
function lendTracers(): LentTracerProvider | undefined {
  const proxy = trace.getTracerProvider();
  if (!isProxy(proxy)) return undefined;
  const lent = new LentTracerProvider(proxy.getDelegate());
  proxy.setDelegate(lent);
  return lent;
}

function isProxy(provider: object): provider is api.ProxyTracerProvider {
  return 'getDelegate' in provider && 'setDelegate' in provider;
}

/** The API has logs since 1.10; before, they had a package of their own, which belongs to sdk-node. */
function loggerProvider(): object {
  const fromSdk = createRequire(require.resolve('@opentelemetry/sdk-node'));
  const { logs } = ('logs' in api ? api : fromSdk('@opentelemetry/api-logs')) as {
    logs: { getLoggerProvider(): object };
  };
  return logs.getLoggerProvider();
}
