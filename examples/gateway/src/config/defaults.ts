import type {
  AuthConfig,
  FlowConfig,
  FlowItem,
  GatewayConfig,
  RetryConfig,
  RouteConfig,
  StepConfig,
  StepRequest,
  TargetConfig,
  UpstreamConfig,
} from './gateway-config.js';
import type { Settings } from '../settings/read-settings.js';

/** What the settings give to the configuration. */
export type Inherited = Pick<Settings, 'retryCount' | 'timeoutMs' | 'services'>;

type Written<T> = {
  readonly [Key in keyof T]?: T[Key] extends object | undefined ? Written<T[Key]> : T[Key];
};

/** The file as its schema allows it. */
export interface ConfigFile {
  readonly logLevel?: string;
  readonly upstreams?: Readonly<Record<string, Written<UpstreamConfig>>>;
  readonly auth?: AuthConfig;
  readonly endpoints?: GatewayConfig['endpoints'];
  readonly routes?: ReadonlyArray<Written<RouteConfig>>;
  readonly flows?: Readonly<Record<string, Written<FlowConfig>>>;
}

const ALL_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function withDefaults(file: ConfigFile, inherited: Inherited): GatewayConfig {
  const names = new Set([...inherited.services.keys(), ...Object.keys(file.upstreams ?? {})]);
  return {
    ...(file.logLevel !== undefined && { logLevel: file.logLevel }),
    upstreams: new Map(
      [...names].map((name) => [name, upstream(name, file.upstreams?.[name] ?? {}, inherited)]),
    ),
    auth: file.auth ?? {},
    endpoints: file.endpoints ?? {},
    routes: (file.routes ?? []).map((route) => routeOf(route, inherited)),
    flows: new Map(
      Object.entries(file.flows ?? {}).map(([action, flow]) => [action, flowOf(action, flow, inherited)]),
    ),
  };
}

/** The environment's base URLs go before those of the file, as a deployment changes them. */
function upstream(name: string, written: Written<UpstreamConfig>, { services }: Inherited): UpstreamConfig {
  const fromEnvironment = services.get(name)?.map((url) => ({ url, weight: 1 }));
  const targets = fromEnvironment ?? ((written.targets ?? []) as ReadonlyArray<Written<TargetConfig>>);
  const { tls, healthCheck } = written;
  return {
    name,
    targets: targets.map(({ url = '', weight = 1 }) => ({ url: url.replace(/\/+$/, ''), weight })),
    connections: written.connections ?? 128,
    http2: written.http2 ?? false,
    ...(tls !== undefined && { tls: tls }),
    breaker: { failureRatio: 0.5, window: 20, minimumCalls: 5, halfOpenAfterMs: 5000, ...written.breaker },
    bulkhead: { concurrent: 256, queue: 256, ...written.bulkhead },
    ...(healthCheck !== undefined && {
      healthCheck: {
        path: '/',
        intervalMs: 5000,
        timeoutMs: 1000,
        unhealthyAfter: 2,
        healthyAfter: 1,
        ...healthCheck,
      },
    }),
  };
}

function routeOf(written: Written<RouteConfig>, inherited: Inherited): RouteConfig {
  return {
    timeoutMs: inherited.timeoutMs,
    idleTimeoutMs: 30_000,
    bodyLimitBytes: 1_048_576,
    cache: false,
    websocket: false,
    ...(written as Pick<RouteConfig, 'name' | 'path' | 'upstream'>),
    methods: (written.methods as readonly string[] | undefined) ?? ALL_METHODS,
    retry: retryOf(written.retry, inherited, [502, 503, 504]),
  };
}

function retryOf(
  written: Written<RetryConfig> | undefined,
  { retryCount }: Inherited,
  statuses: readonly number[],
): RetryConfig {
  return {
    count: written?.count ?? retryCount,
    statuses: (written?.statuses as readonly number[] | undefined) ?? statuses,
    backoff: { initialMs: 50, maxMs: 2000, ...written?.backoff },
    bufferBytes: written?.bufferBytes ?? 65_536,
  };
}

function flowOf(action: string, written: Written<FlowConfig>, inherited: Inherited): FlowConfig {
  const { input, output } = written;
  return {
    action,
    ...(input !== undefined && { input }),
    waitMs: written.waitMs ?? 10_000,
    steps: ((written.steps ?? []) as readonly FlowItem[]).map((item) => itemOf(item, inherited)),
    ...(output !== undefined && { output }),
  };
}

function itemOf(written: FlowItem, inherited: Inherited): FlowItem {
  if ('parallel' in written)
    return { parallel: written.parallel.map((branch) => branch.map((item) => itemOf(item, inherited))) };
  return stepOf(written, inherited);
}

function stepOf(written: Written<StepConfig>, inherited: Inherited): StepConfig {
  const { name = '', when, request = {}, compensate } = written;
  return {
    name,
    ...(when !== undefined && { when }),
    request: requestOf(request),
    timeoutMs: written.timeoutMs ?? inherited.timeoutMs,
    // Every step has an idempotency key: any trouble of the service may be tried again.
    retry: retryOf(written.retry, inherited, [408, 425, 429, 500, 502, 503, 504]),
    ...(compensate !== undefined && { compensate: requestOf(compensate) }),
  };
}

function requestOf(written: Written<StepRequest>): StepRequest {
  return {
    upstream: written.upstream ?? '',
    method: written.method ?? 'POST',
    path: written.path ?? '/',
    headers: (written.headers ?? {}) as Readonly<Record<string, string>>,
    ...(written.body !== undefined && { body: written.body }),
  };
}
