/**
 * Every setting is one row of {@link SETTINGS}: parsing, the configuration page and redaction come from it. The only file
 * that reads `process.env`.
 */
import {
  anyText,
  ascending,
  flag,
  gaugeRules,
  integer,
  list,
  listOf,
  logLevel,
  nodes,
  oneOf,
  path,
  paths,
  redisUrl,
  storeKind,
  type HostPort,
  type Kind,
} from './setting-kinds.js';
import type { GaugeRule } from '../reader/gauge-aggregation.js';
import { OrchestratorError } from '../errors.js';
import type { HttpMetricNames } from '../instrumentation/http/server/server.js';
import type { LogLevel } from '../log.js';
import { TRANSLATION_STRATEGIES, type TranslationStrategy } from '../prometheus/naming/names.js';

export interface Setting<T = unknown> {
  /** Environment variables, the first that is set and not empty wins. */
  readonly env: readonly [string, ...string[]];
  readonly kind: Kind<T>;
  readonly default: T;
  /** How the default reads in the docs, where the value itself would not say it. */
  readonly defaultText?: string;
  readonly description: string;
  /** Never printed. `url`: printed without its credentials. */
  readonly secret?: boolean | 'url';
}

export interface Settings {
  readonly enabled: boolean;
  readonly prefix: string | undefined;
  readonly store: 'redis' | 'local' | 'memory' | undefined;
  readonly localDir: string | undefined;
  readonly redisUrl: string | undefined;
  readonly redisMode: 'standalone' | 'sentinel' | 'cluster';
  readonly redisNodes: readonly HostPort[];
  readonly redisSentinelName: string;
  readonly redisUsername: string | undefined;
  readonly redisPassword: string | undefined;
  readonly redisSentinelPassword: string | undefined;
  readonly redisTlsCa: string | undefined;
  readonly redisTlsCert: string | undefined;
  readonly redisTlsKey: string | undefined;
  /** Seconds. */
  readonly metricsTtl: number;
  readonly maxSeries: number;
  readonly gaugeAggregation: readonly GaugeRule[];
  readonly ignorePaths: readonly string[];
  readonly httpMetricNames: readonly HttpMetricNames[];
  readonly httpBuckets: readonly number[] | undefined;
  readonly httpBodySizes: boolean;
  readonly metricsPath: string;
  readonly translationStrategy: TranslationStrategy;
  readonly scopeInfo: boolean;
  readonly targetInfo: boolean;
  readonly resourceLabels: readonly string[];
  readonly appMetricsPath: string | undefined;
  readonly wipeToken: string | undefined;
  readonly workerThreads: boolean;
  readonly sdkDisabled: boolean;
  readonly serviceName: string | undefined;
  readonly resourceAttributes: string | undefined;
  readonly metricsExporter: readonly string[];
  readonly tracesExporter: readonly string[];
  readonly logsExporter: readonly string[];
  readonly otlpEndpoint: string | undefined;
  readonly otlpProtocol: 'grpc' | 'http/protobuf' | 'http/json';
  readonly resourceDetectors: readonly string[];
  readonly enabledInstrumentations: readonly string[];
  readonly disabledInstrumentations: readonly string[];
  /** Milliseconds. */
  readonly metricExportInterval: number;
  /** Milliseconds. */
  readonly metricExportTimeout: number;
  readonly prometheusHost: string;
  readonly prometheusPort: number;
  readonly logLevel: LogLevel;
}

export type SettingName = keyof Settings;
/** Options of `start()`: the same settings by name. An option wins over its environment variable. */
export type SettingOptions = { readonly [Name in SettingName]?: Settings[Name] | undefined };

/** In the order of the configuration page. */
export const SETTINGS: { readonly [Name in SettingName]: Setting<Settings[Name]> } = {
  enabled: {
    env: ['ORCHESTRATOR_ENABLED'],
    kind: flag,
    default: true,
    description:
      'Turns everything off when `false`. The application then runs as if the preload were not there.',
  },
  prefix: {
    env: ['ORCHESTRATOR_PREFIX'],
    kind: anyText,
    default: undefined,
    defaultText: 'the service name',
    description:
      "The project's name in every key. Processes with the same prefix on the same store are one project; others never see it. Becomes lower case; characters outside `a-z 0-9 _ -` become `_`.",
  },
  store: {
    env: ['ORCHESTRATOR_STORE'],
    kind: storeKind,
    default: undefined,
    defaultText: '`redis` if a Redis is configured, else `local`',
    description:
      'Where processes are summed: `redis` (any number of hosts), `local` (all processes of one user on one host), `memory` (this process only).',
  },
  localDir: {
    env: ['ORCHESTRATOR_LOCAL_DIR'],
    kind: anyText,
    default: undefined,
    defaultText: "a folder of this user in the system's folder for temporary files",
    description:
      'Folder of the `local` store; each project has a folder in it. Not on a network file system. Containers that share it are summed.',
  },
  redisUrl: {
    env: ['ORCHESTRATOR_REDIS_URL', 'REDIS_URL'],
    kind: redisUrl,
    default: undefined,
    defaultText: 'none',
    description: 'The Redis server. `rediss://` uses TLS, `unix:///path/to/socket` a unix socket.',
    secret: 'url',
  },
  redisMode: {
    env: ['ORCHESTRATOR_REDIS_MODE'],
    kind: oneOf('standalone', 'sentinel', 'cluster'),
    default: 'standalone',
    description: 'How Redis is run. `sentinel` and `cluster` need `ORCHESTRATOR_REDIS_NODES`.',
  },
  redisNodes: {
    env: ['ORCHESTRATOR_REDIS_NODES'],
    kind: nodes,
    default: [],
    defaultText: 'none',
    description: 'Sentinels, or some nodes of a Redis Cluster: `10.0.0.1:26379,10.0.0.2:26379`.',
  },
  redisSentinelName: {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_NAME'],
    kind: anyText,
    default: 'mymaster',
    description: 'The name under which the sentinels know the master.',
  },
  redisUsername: {
    env: ['ORCHESTRATOR_REDIS_USERNAME'],
    kind: anyText,
    default: undefined,
    defaultText: 'from the URL',
    description:
      'Redis ACL user. It needs `~orchestrator:{prefix}:*` and the commands listed in docs/security.md.',
  },
  redisPassword: {
    env: ['ORCHESTRATOR_REDIS_PASSWORD'],
    kind: anyText,
    default: undefined,
    defaultText: 'from the URL',
    description: 'Redis password.',
    secret: true,
  },
  redisSentinelPassword: {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_PASSWORD'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'Password of the sentinels, when they have one of their own.',
    secret: true,
  },
  redisTlsCa: {
    env: ['ORCHESTRATOR_REDIS_TLS_CA'],
    kind: anyText,
    default: undefined,
    defaultText: "Node's own list",
    description:
      'File with the certificate authority (PEM) that signed the server. Setting any TLS file turns TLS on.',
  },
  redisTlsCert: {
    env: ['ORCHESTRATOR_REDIS_TLS_CERT'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with the client certificate (PEM).',
  },
  redisTlsKey: {
    env: ['ORCHESTRATOR_REDIS_TLS_KEY'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with the key (PEM) of the client certificate.',
  },
  metricsTtl: {
    env: ['ORCHESTRATOR_METRICS_TTL'],
    kind: integer(1, 31_536_000),
    default: 86_400,
    description: 'Seconds after which a series that no process wrote leaves the exposition and the store.',
  },
  maxSeries: {
    env: ['ORCHESTRATOR_MAX_SERIES'],
    kind: integer(1, 1_000_000),
    default: 2000,
    description:
      'Series per metric over the whole project. What exceeds it is summed into one series with `otel_metric_overflow="true"`.',
  },
  gaugeAggregation: {
    env: ['ORCHESTRATOR_GAUGE_AGGREGATION'],
    kind: gaugeRules,
    default: [],
    defaultText: '`*=instance`',
    description:
      'How the gauges of several processes become one answer: `queue.*=max,job.*=keep`. The first rule that matches counts.',
  },
  ignorePaths: {
    env: ['ORCHESTRATOR_IGNORE_PATHS'],
    kind: paths,
    default: ['/health', '/healthz', '/livez', '/readyz', '/ready', '/live', '/ping'],
    description: 'Requests that are not measured. Globs: `*` within a segment, `**` over segments.',
  },
  httpMetricNames: {
    env: ['ORCHESTRATOR_HTTP_METRIC_NAMES'],
    kind: listOf('semconv', 'prometheus-net'),
    default: ['semconv'],
    description:
      'Names of the HTTP server metrics: those of the semantic conventions, those of prometheus-net (shared dashboards with .NET and PHP services), or both.',
  },
  httpBuckets: {
    env: ['ORCHESTRATOR_HTTP_BUCKETS'],
    kind: ascending,
    default: undefined,
    defaultText: 'those of the semantic conventions, 5 ms to 10 s',
    description: 'Buckets of `http.server.request.duration` in seconds: `0.01,0.1,1`.',
  },
  httpBodySizes: {
    env: ['ORCHESTRATOR_HTTP_BODY_SIZES'],
    kind: flag,
    default: false,
    description: 'Also measure `http.server.request.body.size` and `http.server.response.body.size`.',
  },
  metricsPath: {
    env: ['ORCHESTRATOR_METRICS_PATH'],
    kind: path,
    default: '/metrics',
    description: 'Path of the exposition on the metrics server.',
  },
  translationStrategy: {
    env: ['ORCHESTRATOR_TRANSLATION_STRATEGY'],
    kind: oneOf(...TRANSLATION_STRATEGIES),
    default: 'UnderscoreEscapingWithSuffixes',
    description: 'How OpenTelemetry names become Prometheus names; the four strategies of the specification.',
  },
  scopeInfo: {
    env: ['ORCHESTRATOR_SCOPE_INFO'],
    kind: flag,
    default: true,
    description: 'Labels `otel_scope_name`, `otel_scope_version` and so on, on every line.',
  },
  targetInfo: {
    env: ['ORCHESTRATOR_TARGET_INFO'],
    kind: flag,
    default: true,
    description: 'The metric `target_info`, from the resource attributes that all live processes share.',
  },
  resourceLabels: {
    env: ['ORCHESTRATOR_RESOURCE_LABELS'],
    kind: list,
    default: [],
    defaultText: 'none',
    description:
      'Resource attributes that become labels of every line: a list of globs, `deployment.*,service.version`.',
  },
  appMetricsPath: {
    env: ['ORCHESTRATOR_APP_METRICS_PATH'],
    kind: path,
    default: undefined,
    defaultText: 'none',
    description:
      "Serves the metrics on the application's own HTTP servers too, at this path. Whoever reaches the application then reads them.",
  },
  wipeToken: {
    env: ['ORCHESTRATOR_WIPE_TOKEN'],
    kind: anyText,
    default: undefined,
    defaultText: 'none: wiping is off',
    description:
      'Allows `POST /wipe-metrics` with `Authorization: Bearer <token>`, which deletes all data of the project.',
    secret: true,
  },
  workerThreads: {
    env: ['ORCHESTRATOR_WORKER_THREADS'],
    kind: flag,
    default: false,
    description: 'Also start in `worker_threads`, each as an instance of its own.',
  },
  sdkDisabled: {
    env: ['OTEL_SDK_DISABLED'],
    kind: flag,
    default: false,
    description: 'OpenTelemetry: turns the SDK off, and this package with it.',
  },
  serviceName: {
    env: ['OTEL_SERVICE_NAME'],
    kind: anyText,
    default: undefined,
    defaultText: '`service.name` of OTEL_RESOURCE_ATTRIBUTES, else the name in the nearest package.json',
    description: 'OpenTelemetry: `service.name`.',
  },
  resourceAttributes: {
    env: ['OTEL_RESOURCE_ATTRIBUTES'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description:
      'OpenTelemetry: resource attributes, `key=value,key=value`. Those that all processes share are the labels of `target_info`.',
  },
  metricsExporter: {
    env: ['OTEL_METRICS_EXPORTER'],
    kind: list,
    default: ['orchestrator'],
    description:
      'OpenTelemetry: `orchestrator` (this package), `otlp`, `prometheus` (the upstream exporter, per process), `console`, `none`; a list is allowed: `orchestrator,otlp`. Deviation: the specification says `otlp`.',
  },
  tracesExporter: {
    env: ['OTEL_TRACES_EXPORTER'],
    kind: list,
    default: [],
    defaultText: 'none, unless an OTLP endpoint is set',
    description:
      'OpenTelemetry: where traces go. Deviation: traces are off unless this or an OTLP endpoint is set; the specification says `otlp`.',
  },
  logsExporter: {
    env: ['OTEL_LOGS_EXPORTER'],
    kind: list,
    default: [],
    defaultText: 'none, unless an OTLP endpoint is set',
    description:
      'OpenTelemetry: where logs go. Deviation: logs are off unless this or an OTLP endpoint is set; the specification says `otlp`.',
  },
  otlpEndpoint: {
    env: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description:
      'OpenTelemetry: the OTLP endpoint. Setting it turns traces and logs on, and with `otlp` among the metrics exporters it gets the metrics too.',
  },
  otlpProtocol: {
    env: ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    kind: oneOf('grpc', 'http/protobuf', 'http/json'),
    default: 'http/protobuf',
    description: 'OpenTelemetry: protocol of the `otlp` metrics exporter.',
  },
  resourceDetectors: {
    env: ['OTEL_NODE_RESOURCE_DETECTORS'],
    kind: list,
    default: [],
    defaultText: '`env,host`',
    description:
      'OpenTelemetry: resource detectors. Deviation: `process` is not among the default ones, because command lines carry secrets.',
  },
  enabledInstrumentations: {
    env: ['OTEL_NODE_ENABLED_INSTRUMENTATIONS'],
    kind: list,
    default: [],
    defaultText: 'all but `ioredis`',
    description:
      'OpenTelemetry: the database drivers that are measured, and with traces the instrumentations that are used; names without their prefix: `pg,mysql2,ioredis,redis`.',
  },
  disabledInstrumentations: {
    env: ['OTEL_NODE_DISABLED_INSTRUMENTATIONS'],
    kind: list,
    default: [],
    defaultText: 'none',
    description: 'OpenTelemetry: those that are not.',
  },
  metricExportInterval: {
    env: ['OTEL_METRIC_EXPORT_INTERVAL'],
    kind: integer(100, 3_600_000),
    default: 5000,
    description:
      'OpenTelemetry: milliseconds between two flushes. Deviation: the specification says 60000. SIGKILL loses at most this much. It holds for the `otlp` and `console` metrics exporters too.',
  },
  metricExportTimeout: {
    env: ['OTEL_METRIC_EXPORT_TIMEOUT'],
    kind: integer(50, 3_600_000),
    default: 30_000,
    description: 'OpenTelemetry: milliseconds a flush may take; never more than the interval.',
  },
  prometheusHost: {
    env: ['OTEL_EXPORTER_PROMETHEUS_HOST'],
    kind: anyText,
    default: 'localhost',
    description:
      'OpenTelemetry: address of the metrics server. `localhost` is 127.0.0.1; `0.0.0.0` lets other hosts reach it.',
  },
  prometheusPort: {
    env: ['OTEL_EXPORTER_PROMETHEUS_PORT'],
    kind: integer(0, 65_535),
    default: 9464,
    description:
      'OpenTelemetry: port of the metrics server. One process of the project serves; when it ends another takes over. `0` takes any free port.',
  },
  logLevel: {
    env: ['OTEL_LOG_LEVEL'],
    kind: logLevel,
    default: 'info',
    description: "OpenTelemetry: what is printed to stderr. OpenTelemetry's own diagnostics from `debug` on.",
  },
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads all settings. Empty means unset. An invalid variable costs one warning with its name, its value, what is allowed
 * and what is used instead; an invalid option is the caller's mistake and throws ORCHESTRATOR_INVALID_SETTING.
 */
export function readSettings(
  env: Environment,
  options: SettingOptions,
  warn: (message: string) => void,
): Settings {
  const settings: Partial<Record<SettingName, unknown>> = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    settings[name] =
      options[name] === undefined ? fromEnvironment(name, env, warn) : fromOption(name, options[name]);
  }
  return settings as Settings;
}

function fromEnvironment(name: SettingName, env: Environment, warn: (message: string) => void): unknown {
  const row: Setting = SETTINGS[name];
  for (const variable of row.env) {
    const value = env[variable]?.trim();
    if (value === undefined || value === '') continue;
    try {
      return row.kind.parse(value);
    } catch {
      warn(
        `${variable}=${shown(row, value)} is not allowed. Allowed: ${plain(row.kind.allowed)}. Used instead: ${plain(defaultText(row))}.`,
      );
      return row.default;
    }
  }
  return row.default;
}

function fromOption(name: SettingName, value: unknown): unknown {
  const row: Setting = SETTINGS[name];
  try {
    return row.kind.parse(optionText(value));
  } catch {
    throw new OrchestratorError(
      'ORCHESTRATOR_INVALID_SETTING',
      `Option ${name}: ${shown(row, optionText(value))} is not allowed. Allowed: ${plain(row.kind.allowed)}.`,
    );
  }
}

/** Options are checked by the parsers of the environment, so that both accept exactly the same. */
function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(',');
  if (typeof value === 'object' && value !== null) {
    if ('host' in value && 'port' in value) {
      const host = String(value.host);
      return `${host.includes(':') ? `[${host}]` : host}:${String(value.port)}`;
    }
    if ('pattern' in value && 'aggregation' in value)
      return `${String(value.pattern)}=${String(value.aggregation)}`;
  }
  return String(value);
}

function shown(row: Setting, value: string): string {
  if (row.secret === true) return '(hidden)';
  return JSON.stringify(row.secret === 'url' ? withoutCredentials(value) : value);
}

/** How a default reads in the configuration page. */
export function defaultText(row: Setting): string {
  if (row.defaultText !== undefined) return row.defaultText;
  return `\`${Array.isArray(row.default) ? row.default.join(',') : String(row.default)}\``;
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

/**
 * A URL as it may be printed: without user, password and query. A text that cannot be taken apart for certain is not
 * printed at all, for any part of it may be the password.
 */
export function withoutCredentials(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.host + url.pathname === '' ||
    /[@#]/.test(url.pathname + url.search + url.hash)
  )
    return '(hidden)';
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** A project's name as a part of keys: lower case, `[a-z0-9_-]`. Throws ORCHESTRATOR_INVALID_SETTING when nothing is left. */
export function sanitizePrefix(name: string): string {
  const prefix = name
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .slice(0, 128);
  if (!/[a-z0-9]/.test(prefix)) {
    throw new OrchestratorError(
      'ORCHESTRATOR_INVALID_SETTING',
      `ORCHESTRATOR_PREFIX=${JSON.stringify(name)} is not allowed. Allowed: a name with at least one of a-z, 0-9.`,
    );
  }
  return prefix;
}

/**
 * The environment of this process. PM2 in cluster mode starts the preload before it sets the application's environment:
 * until then the ecosystem file's `env` is only inside the JSON of `pm2_env`. Our variables are taken from there, into
 * `process.env` itself, as PM2 does a moment later, because OpenTelemetry reads them there.
 */
export function processEnvironment(): Environment {
  const json = process.env['pm2_env'];
  if (json !== undefined) {
    try {
      const pm2: Record<string, unknown> = JSON.parse(json);
      for (const [key, value] of Object.entries(pm2)) {
        const ours = /^(?:ORCHESTRATOR_|OTEL_|REDIS_URL$|NODE_APP_INSTANCE$|pm_exec_path$)/.test(key);
        if (ours && ['string', 'number', 'boolean'].includes(typeof value))
          process.env[key] ??= String(value);
      }
    } catch {
      // The parser's own message quotes the text, and with it perhaps a password.
      process.emitWarning('pm2_env is not a JSON object; it is ignored.', 'OrchestratorWarning');
    }
  }
  return process.env;
}

/** What OpenTelemetry reads from the environment by itself, whatever was said to us. */
const READ_BY_OPENTELEMETRY = [
  'resourceAttributes',
  'tracesExporter',
  'logsExporter',
  'otlpEndpoint',
  'otlpProtocol',
  'resourceDetectors',
  'enabledInstrumentations',
  'disabledInstrumentations',
] as const satisfies readonly SettingName[];

/** Puts those options that only the environment can carry to OpenTelemetry there. */
export function exportOptions(options: SettingOptions): void {
  for (const name of READ_BY_OPENTELEMETRY) {
    const variable = SETTINGS[name].env.at(-1);
    if (options[name] !== undefined && variable !== undefined)
      process.env[variable] = optionText(options[name]);
  }
}
