import { OWN_MODES, type GaugeRule } from '../reader/gauge-aggregation.js';
import { HTTP_METRIC_NAMES, type HttpMetricNames } from '../instrumentation/http/metric-names.js';
import { LOG_LEVELS, type LogLevel } from '../log.js';
import { DEFAULT_MAX_SERIES } from '../model/series.js';
import { DEFAULT_MAX_LABEL_LENGTH } from '../model/shorten.js';
import { TRANSLATION_STRATEGIES, type TranslationStrategy } from '../prometheus/naming/names.js';
import { REDIS_MODES, type RedisMode } from '../store/redis/connection/redis-mode.js';
import {
  anyText,
  ascending,
  flag,
  gaugeRules,
  httpMethods,
  integer,
  list,
  listOf,
  nodes,
  oneOf,
  path,
  paths,
  projectName,
  redisUrl,
  secrets,
  type HostPort,
  type Kind,
} from './setting-kinds.js';
import { STORE_KINDS, type StoreKind } from '../store/stores.js';

export interface Setting<T = unknown> {
  /** Environment variables; the first that is set and not empty wins. */
  readonly env: readonly [string, ...string[]];
  readonly kind: Kind<T>;
  readonly default: T;
  /** How the default reads in the documentation, where the value itself would not say it. */
  readonly defaultText?: string;
  readonly description: string;
  /** Never printed. `url`, `hosts`: printed if it certainly has no credentials, a URL without them. */
  readonly secret?: boolean | 'url' | 'hosts';
  /** OpenTelemetry reads the last of the variables by itself, so an option has to be put there while it does. */
  readonly readByOpenTelemetry?: boolean;
}

const builtInRules = Array.from(OWN_MODES, ([name, mode]) => `\`${name}=${mode}\``).join(', ');

const OTLP_PROTOCOLS = ['grpc', 'http/protobuf', 'http/json'] as const;
type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number];

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type TlsVersion = (typeof TLS_VERSIONS)[number];

/**
 * Every setting is one row, in the order of the configuration page. Parsing, redaction, the types of settings and options,
 * and the documentation of both come from the row. A class, because each field of a class can carry its own type, and the
 * types of all settings are derived from those fields.
 */
class SettingsTable {
  readonly enabled: Setting<boolean> = {
    env: ['ORCHESTRATOR_ENABLED'],
    kind: flag,
    default: true,
    description:
      'Turns everything off when `false`. The application then runs as if the preload were not there.',
  };

  readonly prefix: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_PREFIX'],
    kind: projectName,
    default: undefined,
    defaultText: 'the service name',
    description:
      "The project's name in every key. Processes with the same prefix on the same store are one project; others never see it. Becomes lower case; characters outside `a-z 0-9 _ -` become `_`; at most 128 characters.",
  };

  readonly store: Setting<StoreKind | undefined> = {
    env: ['ORCHESTRATOR_STORE'],
    kind: oneOf(...STORE_KINDS),
    default: undefined,
    defaultText: '`redis` if a Redis is configured, else `local`',
    description:
      'Where processes are summed: `redis` (any number of hosts), `local` (all processes of one user on one host), `memory` (this process alone).',
  };

  readonly localDir: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_LOCAL_DIR'],
    kind: anyText,
    default: undefined,
    defaultText: "a folder of this user in the system's folder for temporary files",
    description:
      'Folder of the `local` store; each project has a folder in it. Not on a network file system. Containers that share it are summed.',
  };

  readonly redisUrl: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_URL', 'REDIS_URL'],
    kind: redisUrl,
    default: undefined,
    defaultText: 'none; with `ORCHESTRATOR_STORE=redis`, `redis://127.0.0.1:6379`',
    description: 'The Redis server. `rediss://` uses TLS, `unix:///path/to/socket` a unix socket.',
    secret: 'url',
  };

  readonly redisMode: Setting<RedisMode> = {
    env: ['ORCHESTRATOR_REDIS_MODE'],
    kind: oneOf(...REDIS_MODES),
    default: 'standalone',
    description:
      'How Redis is run. `sentinel` and `cluster` need `ORCHESTRATOR_REDIS_NODES`, or a URL whose host is a sentinel, or a node of the cluster.',
  };

  readonly redisNodes: Setting<readonly HostPort[]> = {
    env: ['ORCHESTRATOR_REDIS_NODES'],
    kind: nodes,
    default: [],
    defaultText: 'none',
    description: 'Sentinels, or some nodes of a Redis Cluster: `10.0.0.1:26379,10.0.0.2:26379`.',
    secret: 'hosts',
  };

  readonly redisSentinelName: Setting<string> = {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_NAME'],
    kind: anyText,
    default: 'mymaster',
    description: 'The name under which the sentinels know the master.',
  };

  readonly redisUsername: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_USERNAME'],
    kind: anyText,
    default: undefined,
    defaultText: 'from the URL',
    description:
      'Redis ACL user. It needs `~orchestrator:{prefix}:*` and the commands listed in docs/security.md.',
  };

  readonly redisPassword: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_PASSWORD'],
    kind: anyText,
    default: undefined,
    defaultText: 'from the URL',
    description: 'Redis password.',
    secret: true,
  };

  readonly redisSentinelUsername: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_USERNAME'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'ACL user of the sentinels. It needs `+sentinel`, and `~*` is not needed.',
  };

  readonly redisSentinelPassword: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_PASSWORD'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'Password of the sentinels, when they have one of their own.',
    secret: true,
  };

  readonly redisSentinelTls: Setting<boolean | undefined> = {
    env: ['ORCHESTRATOR_REDIS_SENTINEL_TLS'],
    kind: flag,
    default: undefined,
    defaultText: 'as for Redis',
    description: 'Whether the sentinels use TLS, with the files that are set for Redis.',
  };

  readonly redisTlsCa: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_TLS_CA'],
    kind: anyText,
    default: undefined,
    defaultText: "Node's own list",
    description:
      'File with the certificate authority (PEM) that signed the server. Setting any TLS file turns TLS on.',
  };

  readonly redisTlsCert: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_TLS_CERT'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with the client certificate (PEM).',
  };

  readonly redisTlsKey: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_TLS_KEY'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with the key (PEM) of the client certificate.',
  };

  readonly redisTlsServername: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_REDIS_TLS_SERVERNAME'],
    kind: anyText,
    default: undefined,
    defaultText: 'the host',
    description:
      'The name that the certificate has to be for, when it is not the host that is connected to. Given up: proof that the server is the one that the URL names.',
  };

  readonly redisTlsVerify: Setting<boolean> = {
    env: ['ORCHESTRATOR_REDIS_TLS_VERIFY'],
    kind: flag,
    default: true,
    description:
      '`false` accepts any certificate, such as one that a service signs itself and does not publish. Given up: proof of who answers. Anyone on the way can read and change everything, the password included.',
  };

  readonly metricsTtl: Setting<number> = {
    env: ['ORCHESTRATOR_METRICS_TTL'],
    kind: integer(1, 31_536_000),
    default: 86_400,
    description: 'Seconds after its last write at which a series leaves the exposition and the store.',
  };

  readonly maxSeries: Setting<number> = {
    env: ['ORCHESTRATOR_MAX_SERIES'],
    kind: integer(1, 1_000_000),
    default: DEFAULT_MAX_SERIES,
    description:
      'Series per metric over the whole project. Anything beyond that is summed into one series with `otel_metric_overflow="true"`.',
  };

  readonly maxLabelLength: Setting<number> = {
    env: ['ORCHESTRATOR_MAX_LABEL_LENGTH'],
    kind: integer(64, 65_535),
    default: DEFAULT_MAX_LABEL_LENGTH,
    description:
      'Characters that a label value or an attribute key may have. A longer one is cut, with a hash at its end.',
  };

  readonly gaugeAggregation: Setting<readonly GaugeRule[]> = {
    env: ['ORCHESTRATOR_GAUGE_AGGREGATION'],
    kind: gaugeRules,
    default: [],
    defaultText: `${builtInRules}, else \`instance\``,
    description:
      'How the gauges of several processes become one answer: `queue.*=max,job.*=keep`. The first rule that matches the OpenTelemetry name of the metric applies. The built-in rules (see the default) come after yours. `shared` is for a number that all processes see alike, such as the rows of a table; for observable counters and up-down counters too.',
  };

  readonly ignorePaths: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_IGNORE_PATHS'],
    kind: paths,
    default: ['/health', '/healthz', '/livez', '/readyz', '/ready', '/live', '/ping'],
    description: 'Requests that are not measured. Globs: `*` within a segment, `**` over segments.',
  };

  readonly httpMetricNames: Setting<readonly HttpMetricNames[]> = {
    env: ['ORCHESTRATOR_HTTP_METRIC_NAMES'],
    kind: listOf(...HTTP_METRIC_NAMES),
    default: ['semconv'],
    description:
      'Names of the HTTP server metrics: those of the semantic conventions, those of prometheus-net (shared dashboards with .NET and PHP services), or both.',
  };

  readonly httpBuckets: Setting<readonly number[] | undefined> = {
    env: ['ORCHESTRATOR_HTTP_BUCKETS'],
    kind: ascending,
    default: undefined,
    defaultText: 'those of the semantic conventions, 5 ms to 10 s',
    description: 'Buckets of `http.server.request.duration` in seconds: `0.01,0.1,1`.',
  };

  readonly httpBodySizes: Setting<boolean> = {
    env: ['ORCHESTRATOR_HTTP_BODY_SIZES'],
    kind: flag,
    default: false,
    description: 'Also measure `http.server.request.body.size` and `http.server.response.body.size`.',
  };

  readonly httpKnownMethods: Setting<readonly string[] | undefined> = {
    env: ['OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS'],
    kind: httpMethods,
    default: undefined,
    defaultText: '`GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH,QUERY`',
    description:
      'Methods that become values of the label `http_request_method`, of servers and clients. Every other one is `_OTHER`. The list replaces the default.',
  };

  readonly httpWaitingPaths: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_HTTP_WAITING_PATHS'],
    kind: paths,
    default: [],
    defaultText: 'none',
    description:
      'Long polls of the application: requests that are left open on purpose. One that is open for more than a second has no duration, and a client that leaves it is no error. Event streams, WebSockets and the long polls of Socket.IO are known without it. Globs as above.',
  };

  readonly metricsPath: Setting<string> = {
    env: ['ORCHESTRATOR_METRICS_PATH'],
    kind: path,
    default: '/metrics',
    description: 'Path of the exposition on the metrics server.',
  };

  readonly translationStrategy: Setting<TranslationStrategy> = {
    env: ['ORCHESTRATOR_TRANSLATION_STRATEGY'],
    kind: oneOf(...TRANSLATION_STRATEGIES),
    default: 'UnderscoreEscapingWithSuffixes',
    description: 'How OpenTelemetry names become Prometheus names; the four strategies of the specification.',
  };

  readonly scopeInfo: Setting<boolean> = {
    env: ['ORCHESTRATOR_SCOPE_INFO'],
    kind: flag,
    default: true,
    description:
      'Labels `otel_scope_name`, `otel_scope_version` and so on, on every line whose metric has them.',
  };

  readonly targetInfo: Setting<boolean> = {
    env: ['ORCHESTRATOR_TARGET_INFO'],
    kind: flag,
    default: true,
    description:
      'The metrics `target_info`, from the resource attributes that all live processes share, and `orchestrator_instance_info`, which says for each `service_instance_id` host, process id, PM2 id, pod and version.',
  };

  readonly createdSeries: Setting<boolean> = {
    env: ['ORCHESTRATOR_CREATED_SERIES'],
    kind: flag,
    default: true,
    description:
      'The lines `_created` of OpenMetrics, one for each counter and histogram. A Prometheus that asks for OpenMetrics, as it does by default, stores each of them as a series of its own; with `false` it stores only the metrics.',
  };

  readonly resourceLabels: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_RESOURCE_LABELS'],
    kind: list,
    default: [],
    defaultText: 'none',
    description:
      'Resource attributes of a process that become labels of everything it measures: a list of globs, `deployment.*,service.version`. Attributes that differ between processes, such as `process.pid`, give each process series of its own.',
  };

  readonly appMetricsPath: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_APP_METRICS_PATH'],
    kind: path,
    default: undefined,
    defaultText: 'none',
    description:
      "Serves the metrics on the application's own HTTP servers too, at this path. Everyone that reaches the application can then read them, unless a token or a user is set.",
  };

  readonly metricsToken: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_METRICS_TOKEN'],
    kind: secrets,
    default: [],
    defaultText: 'none',
    description:
      'Bearer tokens; any of them lets a request in: `Authorization: Bearer <token>`. With a token or a user set, everyone else gets `/healthz` and the bare status of `/readyz`. Holds for the metrics server, for `ORCHESTRATOR_APP_METRICS_PATH` and for `metricsHandler()`. Several, for the time of an exchange, with commas.',
    secret: true,
  };

  readonly metricsTokenFile: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_METRICS_TOKEN_FILE'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with bearer tokens, one a line. Read again when it changes.',
  };

  readonly metricsBasicAuth: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_METRICS_BASIC_AUTH'],
    kind: secrets,
    default: [],
    defaultText: 'none',
    description:
      'Users of basic authentication, `name:hash`, with commas; [security.md](security.md#basic-authentication) says how a hash is made.',
    secret: true,
  };

  readonly metricsBasicAuthFile: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_METRICS_BASIC_AUTH_FILE'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with users, one `name:hash` a line. Read again when it changes.',
  };

  readonly metricsTlsCert: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_METRICS_TLS_CERT'],
    kind: anyText,
    default: undefined,
    defaultText: 'none: no TLS',
    description:
      'File with the certificate (PEM) of the metrics server, and those between it and its authority. Read again when it changes. With it the metrics server speaks TLS only.',
  };

  readonly metricsTlsKey: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_METRICS_TLS_KEY'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with the key (PEM) of that certificate.',
  };

  readonly metricsTlsMinVersion: Setting<TlsVersion> = {
    env: ['ORCHESTRATOR_METRICS_TLS_MIN_VERSION'],
    kind: oneOf(...TLS_VERSIONS),
    default: 'TLSv1.2',
    description: 'The oldest TLS that the metrics server accepts.',
  };

  readonly metricsClientCa: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_METRICS_CLIENT_CA'],
    kind: anyText,
    default: undefined,
    defaultText: 'none: clients need no certificate',
    description:
      'File with the certificate authorities (PEM) whose client certificates the metrics server accepts. Without such a certificate a client gets `/healthz` and the bare status of `/readyz`. Tokens and users are asked for besides. Needs TLS.',
  };

  readonly metricsAllowedHosts: Setting<readonly string[]> = {
    env: ['ORCHESTRATOR_METRICS_ALLOWED_HOSTS'],
    kind: list,
    default: [],
    defaultText: 'none',
    description:
      'Host names, without port, under which the metrics server may be asked besides those of the loopback: of a proxy or a tunnel before it. `*.example.com` for all names below one, `*` for any. On the loopback every other name is refused; on another address only if this is set.',
  };

  readonly wipeToken: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_WIPE_TOKEN'],
    kind: anyText,
    default: undefined,
    defaultText: 'none: wiping is off',
    description:
      'Allows `POST /wipe-metrics` with `Authorization: Bearer <token>`, which deletes all data of the project.',
    secret: true,
  };

  readonly wipeTokenFile: Setting<string | undefined> = {
    env: ['ORCHESTRATOR_WIPE_TOKEN_FILE'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description: 'File with that token; several, one a line. Read again when it changes.',
  };

  readonly workerThreads: Setting<boolean> = {
    env: ['ORCHESTRATOR_WORKER_THREADS'],
    kind: flag,
    default: false,
    description: 'Also start in `worker_threads`, each as an instance of its own.',
  };

  readonly sdkDisabled: Setting<boolean> = {
    env: ['OTEL_SDK_DISABLED'],
    kind: flag,
    default: false,
    description: 'Turns the SDK off, and this package with it.',
  };

  readonly serviceName: Setting<string | undefined> = {
    env: ['OTEL_SERVICE_NAME'],
    kind: anyText,
    default: undefined,
    defaultText:
      '`service.name` of OTEL_RESOURCE_ATTRIBUTES, else the name of the application in its package.json',
    description: '`service.name`.',
  };

  readonly resourceAttributes: Setting<string | undefined> = {
    env: ['OTEL_RESOURCE_ATTRIBUTES'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description:
      'Resource attributes, `key=value,key=value`. Those that all processes share are the labels of `target_info`.',
    readByOpenTelemetry: true,
  };

  readonly metricsExporter: Setting<readonly string[]> = {
    env: ['OTEL_METRICS_EXPORTER'],
    kind: list,
    default: ['orchestrator'],
    description:
      '`orchestrator` (this package), `otlp`, `prometheus` (the upstream exporter, per process), `console`, `none`; a list is allowed: `orchestrator,otlp`. Deviation: the specification says `otlp`.',
  };

  readonly tracesExporter: Setting<readonly string[]> = {
    env: ['OTEL_TRACES_EXPORTER'],
    kind: list,
    default: [],
    defaultText: 'none, unless an OTLP endpoint is set',
    description:
      'Where traces go. Deviation: traces are off unless this or an OTLP endpoint is set; the specification says `otlp`.',
    readByOpenTelemetry: true,
  };

  readonly logsExporter: Setting<readonly string[]> = {
    env: ['OTEL_LOGS_EXPORTER'],
    kind: list,
    default: [],
    defaultText: 'none, unless an OTLP endpoint is set',
    description:
      'Where logs go. Deviation: logs are off unless this or an OTLP endpoint is set; the specification says `otlp`.',
    readByOpenTelemetry: true,
  };

  readonly otlpEndpoint: Setting<string | undefined> = {
    env: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    kind: anyText,
    default: undefined,
    defaultText: 'none',
    description:
      'The OTLP endpoint. Setting it turns traces and logs on, and with `otlp` among the metrics exporters it gets the metrics too.',
    readByOpenTelemetry: true,
  };

  readonly otlpProtocol: Setting<OtlpProtocol> = {
    env: ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    kind: oneOf(...OTLP_PROTOCOLS),
    default: 'http/protobuf',
    description: 'Protocol of the `otlp` metrics exporter.',
    readByOpenTelemetry: true,
  };

  readonly resourceDetectors: Setting<readonly string[]> = {
    env: ['OTEL_NODE_RESOURCE_DETECTORS'],
    kind: list,
    default: [],
    defaultText: '`env,host`',
    description:
      'Resource detectors: `env`, `host`, `os`, `process`, `serviceinstance`, `all`, `none`. Deviation: `process` is not among the default ones, because command lines carry secrets.',
    readByOpenTelemetry: true,
  };

  readonly enabledInstrumentations: Setting<readonly string[]> = {
    env: ['OTEL_NODE_ENABLED_INSTRUMENTATIONS'],
    kind: list,
    default: [],
    defaultText: 'all but `ioredis`',
    description:
      'The database drivers that are measured, and with traces the instrumentations that are used; names without their prefix: `pg,mysql2,ioredis,redis`.',
    readByOpenTelemetry: true,
  };

  readonly disabledInstrumentations: Setting<readonly string[]> = {
    env: ['OTEL_NODE_DISABLED_INSTRUMENTATIONS'],
    kind: list,
    default: [],
    defaultText: 'none',
    description:
      'Drivers and instrumentations to leave out. Metrics of HTTP, runtime, process and host are not among them.',
    readByOpenTelemetry: true,
  };

  readonly metricExportInterval: Setting<number> = {
    env: ['OTEL_METRIC_EXPORT_INTERVAL'],
    kind: integer(100, 3_600_000),
    default: 5000,
    description:
      'Milliseconds between two flushes. Deviation: the specification says 60000. SIGKILL loses at most this much. It holds for the `otlp` and `console` metrics exporters too.',
  };

  readonly exitTimeout: Setting<number> = {
    env: ['ORCHESTRATOR_EXIT_TIMEOUT'],
    kind: integer(0, 10_000),
    default: 500,
    description:
      'Milliseconds for which `process.exit()` or a crash may be held up to send what was recorded since the last flush. It takes about a millisecond with the local store, and a thread and a connection with Redis. What Redis has not confirmed by then goes to a file, which the next process of the project on this host sends. `0`: such ends lose what was recorded since the last flush.',
  };

  readonly metricExportTimeout: Setting<number> = {
    env: ['OTEL_METRIC_EXPORT_TIMEOUT'],
    kind: integer(50, 3_600_000),
    default: 30_000,
    defaultText: 'the interval, at most `30000`',
    description:
      'Milliseconds a flush may take: never more than the interval, and for a flush to the store never more than 5000.',
  };

  readonly prometheusHost: Setting<string> = {
    env: ['OTEL_EXPORTER_PROMETHEUS_HOST'],
    kind: anyText,
    default: 'localhost',
    description:
      'Address of the metrics server. `localhost` is 127.0.0.1; `0.0.0.0` lets other hosts reach it.',
  };

  readonly prometheusPort: Setting<number> = {
    env: ['OTEL_EXPORTER_PROMETHEUS_PORT'],
    kind: integer(0, 65_535),
    default: 9464,
    description:
      'Port of the metrics server: one for each project of a host. One process of the project serves; when it ends, another one takes over. A port that the application listens on itself is left to it. `0` takes any free port.',
  };

  readonly logLevel: Setting<LogLevel> = {
    env: ['OTEL_LOG_LEVEL'],
    kind: oneOf(...LOG_LEVELS),
    default: 'info',
    description: "What is printed to stderr. OpenTelemetry's own diagnostics from `debug` on.",
  };
}

export const SETTINGS: Readonly<SettingsTable> = new SettingsTable();

export type SettingName = keyof SettingsTable;

/** The settings of one process, by name: what `start()`, the environment and the defaults came to. */
export type Settings = {
  readonly [Name in SettingName]: SettingsTable[Name] extends Setting<infer Value> ? Value : never;
};
