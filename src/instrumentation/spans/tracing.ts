import { IncomingMessage } from 'node:http';
import Module, { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

import {
  type Attributes,
  createNoopMeter,
  diag,
  type MeterProvider,
  ProxyTracerProvider,
  type Span,
} from '@opentelemetry/api';
import type * as AutoInstrumentations from '@opentelemetry/auto-instrumentations-node';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { HttpInstrumentation, type HttpInstrumentationConfig } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';

import { isOwnRequest, isOwnServer } from '../../own-traffic/own-traffic.js';
import { limitPgOperations } from '../databases/pg-operations.js';
import { pathOf } from '../http/path.js';
import { routeOf } from '../http/route.js';
import { warning } from '../../warnings.js';
import { AUTO_INSTRUMENTATIONS, loadUpstream } from '../packages/load-upstream.js';

export interface TracingOptions {
  /** The application's main file; its own `@opentelemetry/auto-instrumentations-node` is used when it has that. */
  readonly main?: string | undefined;
  /** Paths, without query, that get no span. Default: none. */
  readonly ignore?: ((path: string) => boolean) | undefined;
}

const PG = '@opentelemetry/instrumentation-pg';

/** Left out: our spans of HTTP have the route that the metrics have, and the metrics are measured elsewhere already. */
const REPLACED = ['http', 'undici', 'runtime-node', 'host-metrics'];

const withoutMetrics: MeterProvider = { getMeter: () => createNoopMeter() };

/** Without a delegate it makes spans that record nothing and pass on the context of their parent. */
const withoutSpans = new ProxyTracerProvider();

/** Of every instrumentation: puts a patch in place. */
const WRAP = '_wrap';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Spans and context propagation only: the same requests are counted by our own listeners. */
class HttpSpans extends HttpInstrumentation {
  #standsDown = false;

  constructor(config: HttpInstrumentationConfig) {
    super(config);
    const wrap = this[WRAP];
    // Taking a patch off is no way to stand down: the application's own may be on top of it by then.
    this[WRAP] = (nodule, name, wrapper) =>
      wrap(nodule, name, (original) => this.#gate(original, wrapper(original, name)));
  }

  override setMeterProvider(): void {
    super.setMeterProvider(withoutMetrics);
  }

  /** From now on the patched functions are as if they were not patched. */
  standDown(): void {
    this.#standsDown = true;
  }

  #gate<T>(original: T, patched: T): T {
    const standsDown = (): boolean => this.#standsDown;
    return function unlessStandingDown(this: unknown, ...args: unknown[]) {
      return Reflect.apply((standsDown() ? original : patched) as AnyFunction, this, args);
    } as T;
  }
}

/** Span instrumentations, and the way to make them do nothing when the application brings its own. */
export interface SpanInstrumentations {
  readonly instrumentations: readonly Instrumentation[];
  /** Nothing of ours makes a span or touches a header any more. Metrics that they bring with them go on. */
  standDown(): void;
}

class UndiciSpans extends UndiciInstrumentation {
  override setMeterProvider(): void {
    super.setMeterProvider(withoutMetrics);
  }
}

/**
 * The instrumentations for an application that wants traces: spans for HTTP servers and clients, for `fetch`, and those of
 * `@opentelemetry/auto-instrumentations-node` if the application has it; `OTEL_NODE_ENABLED_INSTRUMENTATIONS` and
 * `OTEL_NODE_DISABLED_INSTRUMENTATIONS` select among them as usual. Give them to the SDK.
 */
export function traceInstrumentations(options: TracingOptions = {}): SpanInstrumentations {
  const http = new HttpSpans({
    ignoreIncomingRequestHook: (request) => isIgnored(request, options),
    ignoreOutgoingRequestHook: isOwnRequest,
    applyCustomAttributesOnSpan: (span, request, response) => {
      if (request instanceof IncomingMessage && 'statusCode' in response) nameByRoute(span, request);
    },
  });
  const undici = new UndiciSpans();
  http.setMeterProvider();
  undici.setMeterProvider();
  registerEsmHooks();
  const others = autoInstrumentations(options.main);
  return {
    instrumentations: [http, undici, ...others],
    standDown() {
      http.standDown();
      undici.disable();
      for (const each of others) each.setTracerProvider(withoutSpans);
    },
  };
}

function isIgnored(request: IncomingMessage, { ignore }: TracingOptions): boolean {
  const server: unknown = 'server' in request.socket ? request.socket.server : undefined;
  if (typeof server === 'object' && server !== null && isOwnServer(server)) return true;
  return ignore?.(pathOf(request.url ?? '/') ?? '') === true;
}

/** Without a normalizer: the span of a request that no framework knows needs no route. */
function nameByRoute(span: Span, request: IncomingMessage): void {
  const route = routeOf(request, '', true, undefined);
  if (route === undefined) return;
  const attributes: Attributes = { 'http.route': route };
  span.setAttributes(attributes);
  span.updateName(`${request.method ?? 'GET'} ${route}`);
}

function autoInstrumentations(main: string | undefined): Instrumentation[] {
  if (main === undefined || !isAbsolute(main)) return [];
  const loaded = loadUpstream(AUTO_INSTRUMENTATIONS, main, (exports) => {
    const { getNodeAutoInstrumentations } = exports as typeof AutoInstrumentations;
    const off = REPLACED.map((name) => [`@opentelemetry/instrumentation-${name}`, { enabled: false }]);
    const instrumentations = getNodeAutoInstrumentations(Object.fromEntries(off));
    for (const each of instrumentations) {
      if (each.instrumentationName === PG) limitPgOperations(each);
    }
    return instrumentations;
  });
  return loaded ?? [];
}

interface SyncHooks {
  readonly supportsSyncHooks: () => boolean;
  readonly register: () => void;
}

let registered = false;

/**
 * Shows instrumentations the ES modules that the application imports: in the application's own thread where Node can do
 * that without faults, else in Node's loader thread.
 */
function registerEsmHooks(): void {
  // Node 20 runs preloads in its loader thread as well, and workers share that thread.
  if (registered || !isMainThread) return;
  registered = true;
  try {
    const instrumentation = require.resolve('@opentelemetry/instrumentation');
    const fromInstrumentation = createRequire(instrumentation);
    // Asked before the hooks are loaded: they warn when they are loaded in both threads.
    const { supportsSyncHooks } = fromInstrumentation(
      'import-in-the-middle/supports-sync-hooks.mjs',
    ) as SyncHooks;
    if (supportsSyncHooks()) {
      const { register } = fromInstrumentation('import-in-the-middle/register-hooks.mjs') as SyncHooks;
      register();
    } else Module.register('@opentelemetry/instrumentation/hook.mjs', pathToFileURL(instrumentation));
  } catch (error) {
    diag.warn(...warning('ORCHESTRATOR_ESM_NOT_TRACED', {}), error);
  }
}
