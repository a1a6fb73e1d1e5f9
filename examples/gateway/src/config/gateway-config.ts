/** The configuration file, checked, with defaults filled in. Durations are milliseconds. */
export interface GatewayConfig {
  readonly logLevel?: string;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly auth: AuthConfig;
  readonly endpoints: { readonly metrics?: Access; readonly orchestrate?: Access; readonly status?: Access };
  readonly routes: readonly RouteConfig[];
  readonly flows: ReadonlyMap<string, FlowConfig>;
}

export interface TargetConfig {
  /** Without a slash at the end. */
  readonly url: string;
  readonly weight: number;
}

export interface UpstreamConfig {
  readonly name: string;
  readonly targets: readonly TargetConfig[];
  readonly connections: number;
  readonly http2: boolean;
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly serverName?: string;
  };
  readonly breaker: {
    readonly failureRatio: number;
    readonly window: number;
    readonly minimumCalls: number;
    readonly halfOpenAfterMs: number;
  };
  readonly bulkhead: { readonly concurrent: number; readonly queue: number };
  readonly healthCheck?: HealthCheckConfig;
}

export interface HealthCheckConfig {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

export type AuthMethod = 'apiKey' | 'jwt' | 'introspection' | 'mtls';

export interface Access {
  readonly any: readonly AuthMethod[];
  readonly scopes?: readonly string[];
}

export interface ApiKeyConfig {
  readonly id: string;
  /** Hexadecimal, of the key. */
  readonly sha256: string;
  readonly scopes?: readonly string[];
}

export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly clockSkewSeconds?: number;
  readonly algorithms?: readonly string[];
}

export interface AuthConfig {
  readonly apiKeys?: readonly ApiKeyConfig[];
  readonly jwt?: JwtConfig;
  readonly introspection?: {
    readonly url: string;
    readonly clientId: string;
    readonly cacheSeconds?: number;
  };
}

export interface RetryConfig {
  /** Further attempts after the first. */
  readonly count: number;
  readonly statuses: readonly number[];
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  readonly bufferBytes: number;
}

export interface HeaderChanges {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface RouteConfig {
  readonly name: string;
  readonly path: string;
  readonly methods: readonly string[];
  readonly upstream: string;
  readonly rewrite?: string;
  readonly access?: Access;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly retry: RetryConfig;
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
  readonly bodyLimitBytes: number;
  readonly rateLimit?: {
    readonly requests: number;
    readonly perSeconds: number;
    readonly key?: 'client' | 'ip';
  };
  readonly cache: boolean;
  readonly websocket: boolean;
}

/** A request of a step. `{% … %}` in texts of `path`, `headers` and `body` is JSONata. */
export interface StepRequest {
  readonly upstream: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface StepConfig {
  readonly name: string;
  readonly when?: string;
  readonly request: StepRequest;
  readonly timeoutMs: number;
  readonly retry: RetryConfig;
  readonly compensate?: StepRequest;
}

export interface ParallelConfig {
  readonly parallel: ReadonlyArray<readonly FlowItem[]>;
}

export type FlowItem = StepConfig | ParallelConfig;

export interface FlowConfig {
  readonly action: string;
  /** JSON schema of the payload. */
  readonly input?: object;
  readonly waitMs: number;
  readonly steps: readonly FlowItem[];
  readonly output?: string;
}

export function isParallel(item: FlowItem): item is ParallelConfig {
  return 'parallel' in item;
}

/** Every step of a flow, those of branches included, in the order of the file. */
export function stepsOf(items: readonly FlowItem[]): StepConfig[] {
  return items.flatMap((item) => (isParallel(item) ? item.parallel.flatMap(stepsOf) : [item]));
}
