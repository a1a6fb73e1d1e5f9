// Written by `npm run docs` from the table in settings.ts. Change the table, not this file.
import type { Settings } from './settings.js';

/**
 * Options of `start()` and `createStore()`: every setting by name. An option wins over its environment variable and is
 * checked in the same way; one that is not allowed throws ORCHESTRATOR_INVALID_SETTING. Undefined leaves it to the variable. A
 * list is an array, or text as its variable has it: `redisNodes: [{ host: '10.0.0.1', port: 26379 }]` or `'10.0.0.1:26379'`.
 */
export interface SettingOptions {
  /**
   * Turns everything off when `false`. The application then runs as if the preload were not there.
   *
   * Variable: `ORCHESTRATOR_ENABLED`. Default: `true`. Allowed: `true` or `false`.
   */
  readonly enabled?: Settings['enabled'] | undefined;

  /**
   * The project's name in every key. Processes with the same prefix on the same store are one project; others
   * never see it. Becomes lower case; characters outside `a-z 0-9 _ -` become `_`; at most 128 characters.
   *
   * Variable: `ORCHESTRATOR_PREFIX`. Default: the service name. Allowed: a name with at least one of `a-z`,
   * `0-9`.
   */
  readonly prefix?: Settings['prefix'] | undefined;

  /**
   * Where processes are summed: `redis` (any number of hosts), `local` (all processes of one user on one
   * host), `memory` (this process alone).
   *
   * Variable: `ORCHESTRATOR_STORE`. Default: `redis` if a Redis is configured, else `local`. Allowed:
   * `redis`, `local`, `memory`.
   */
  readonly store?: Settings['store'] | undefined;

  /**
   * Folder of the `local` store; each project has a folder in it. Not on a network file system. Containers
   * that share it are summed.
   *
   * Variable: `ORCHESTRATOR_LOCAL_DIR`. Default: a folder of this user in the system's folder for temporary
   * files. Allowed: any text.
   */
  readonly localDir?: Settings['localDir'] | undefined;

  /**
   * The Redis server. `rediss://` uses TLS, `unix:///path/to/socket` a unix socket.
   *
   * Variable: `ORCHESTRATOR_REDIS_URL`, else `REDIS_URL`. Default: none; with `ORCHESTRATOR_STORE=redis`,
   * `redis://127.0.0.1:6379`. Allowed: `redis://`, `rediss://` or `unix://` with host or path, for example
   * `redis://user:password@127.0.0.1:6379/0`.
   */
  readonly redisUrl?: Settings['redisUrl'] | undefined;

  /**
   * How Redis is run. `sentinel` and `cluster` need `ORCHESTRATOR_REDIS_NODES`, or a URL whose host is a
   * sentinel, or a node of the cluster.
   *
   * Variable: `ORCHESTRATOR_REDIS_MODE`. Default: `standalone`. Allowed: `standalone`, `sentinel`, `cluster`.
   */
  readonly redisMode?: Settings['redisMode'] | undefined;

  /**
   * Sentinels, or some nodes of a Redis Cluster: `10.0.0.1:26379,10.0.0.2:26379`.
   *
   * Variable: `ORCHESTRATOR_REDIS_NODES`. Default: none. Allowed: a comma-separated list of `host:port`.
   */
  readonly redisNodes?: Settings['redisNodes'] | string | undefined;

  /**
   * The name under which the sentinels know the master.
   *
   * Variable: `ORCHESTRATOR_REDIS_SENTINEL_NAME`. Default: `mymaster`. Allowed: any text.
   */
  readonly redisSentinelName?: Settings['redisSentinelName'] | undefined;

  /**
   * Redis ACL user. It needs `~orchestrator:{prefix}:*` and the commands listed in docs/security.md.
   *
   * Variable: `ORCHESTRATOR_REDIS_USERNAME`. Default: from the URL. Allowed: any text.
   */
  readonly redisUsername?: Settings['redisUsername'] | undefined;

  /**
   * Redis password.
   *
   * Variable: `ORCHESTRATOR_REDIS_PASSWORD`. Default: from the URL. Allowed: any text.
   */
  readonly redisPassword?: Settings['redisPassword'] | undefined;

  /**
   * ACL user of the sentinels. It needs `+sentinel`, and `~*` is not needed.
   *
   * Variable: `ORCHESTRATOR_REDIS_SENTINEL_USERNAME`. Default: none. Allowed: any text.
   */
  readonly redisSentinelUsername?: Settings['redisSentinelUsername'] | undefined;

  /**
   * Password of the sentinels, when they have one of their own.
   *
   * Variable: `ORCHESTRATOR_REDIS_SENTINEL_PASSWORD`. Default: none. Allowed: any text.
   */
  readonly redisSentinelPassword?: Settings['redisSentinelPassword'] | undefined;

  /**
   * Whether the sentinels use TLS, with the files that are set for Redis.
   *
   * Variable: `ORCHESTRATOR_REDIS_SENTINEL_TLS`. Default: as for Redis. Allowed: `true` or `false`.
   */
  readonly redisSentinelTls?: Settings['redisSentinelTls'] | undefined;

  /**
   * File with the certificate authority (PEM) that signed the server. Setting any TLS file turns TLS on.
   *
   * Variable: `ORCHESTRATOR_REDIS_TLS_CA`. Default: Node's own list. Allowed: any text.
   */
  readonly redisTlsCa?: Settings['redisTlsCa'] | undefined;

  /**
   * File with the client certificate (PEM).
   *
   * Variable: `ORCHESTRATOR_REDIS_TLS_CERT`. Default: none. Allowed: any text.
   */
  readonly redisTlsCert?: Settings['redisTlsCert'] | undefined;

  /**
   * File with the key (PEM) of the client certificate.
   *
   * Variable: `ORCHESTRATOR_REDIS_TLS_KEY`. Default: none. Allowed: any text.
   */
  readonly redisTlsKey?: Settings['redisTlsKey'] | undefined;

  /**
   * The name that the certificate has to be for, when it is not the host that is connected to. Given up:
   * proof that the server is the one that the URL names.
   *
   * Variable: `ORCHESTRATOR_REDIS_TLS_SERVERNAME`. Default: the host. Allowed: any text.
   */
  readonly redisTlsServername?: Settings['redisTlsServername'] | undefined;

  /**
   * `false` accepts any certificate, such as one that a service signs itself and does not publish. Given up:
   * proof of who answers. Anyone on the way can read and change everything, the password included.
   *
   * Variable: `ORCHESTRATOR_REDIS_TLS_VERIFY`. Default: `true`. Allowed: `true` or `false`.
   */
  readonly redisTlsVerify?: Settings['redisTlsVerify'] | undefined;

  /**
   * Seconds after its last write at which a series leaves the exposition and the store.
   *
   * Variable: `ORCHESTRATOR_METRICS_TTL`. Default: `86400`. Allowed: a whole number from 1 to 31536000.
   */
  readonly metricsTtl?: Settings['metricsTtl'] | undefined;

  /**
   * Series per metric over the whole project. Anything beyond that is summed into one series with
   * `otel_metric_overflow="true"`.
   *
   * Variable: `ORCHESTRATOR_MAX_SERIES`. Default: `2000`. Allowed: a whole number from 1 to 1000000.
   */
  readonly maxSeries?: Settings['maxSeries'] | undefined;

  /**
   * Characters that a label value or an attribute key may have. A longer one is cut, with a hash at its end.
   *
   * Variable: `ORCHESTRATOR_MAX_LABEL_LENGTH`. Default: `1024`. Allowed: a whole number from 64 to 65535.
   */
  readonly maxLabelLength?: Settings['maxLabelLength'] | undefined;

  /**
   * How the gauges of several processes become one answer: `queue.*=max,job.*=keep`. The first rule that
   * matches the OpenTelemetry name of the metric applies. The built-in rules (see the default) come after
   * yours. `shared` is for a number that all processes see alike, such as the rows of a table; for observable
   * counters and up-down counters too.
   *
   * Variable: `ORCHESTRATOR_GAUGE_AGGREGATION`. Default: `job.last_success.time=keep`,
   * `orchestrator.series.limit=min`, `queue.jobs=last`, else `instance`. Allowed: a comma-separated list of
   * `glob=mode`; modes are `instance`, `sum`, `min`, `max`, `avg`, `last`, `keep`, `shared`.
   */
  readonly gaugeAggregation?: Settings['gaugeAggregation'] | string | undefined;

  /**
   * Requests that are not measured. Globs: `*` within a segment, `**` over segments.
   *
   * Variable: `ORCHESTRATOR_IGNORE_PATHS`. Default: `/health,/healthz,/livez,/readyz,/ready,/live,/ping`.
   * Allowed: a comma-separated list of globs that begin with `/`.
   */
  readonly ignorePaths?: Settings['ignorePaths'] | string | undefined;

  /**
   * Names of the HTTP server metrics: those of the semantic conventions, those of prometheus-net (shared
   * dashboards with .NET and PHP services), or both.
   *
   * Variable: `ORCHESTRATOR_HTTP_METRIC_NAMES`. Default: `semconv`. Allowed: a comma-separated list of
   * `semconv`, `prometheus-net`.
   */
  readonly httpMetricNames?: Settings['httpMetricNames'] | string | undefined;

  /**
   * Buckets of `http.server.request.duration` in seconds: `0.01,0.1,1`.
   *
   * Variable: `ORCHESTRATOR_HTTP_BUCKETS`. Default: those of the semantic conventions, 5 ms to 10 s. Allowed:
   * a comma-separated list of ascending positive numbers.
   */
  readonly httpBuckets?: Settings['httpBuckets'] | string | undefined;

  /**
   * Also measure `http.server.request.body.size` and `http.server.response.body.size`.
   *
   * Variable: `ORCHESTRATOR_HTTP_BODY_SIZES`. Default: `false`. Allowed: `true` or `false`.
   */
  readonly httpBodySizes?: Settings['httpBodySizes'] | undefined;

  /**
   * Methods that become values of the label `http_request_method`, of servers and clients. Every other one is
   * `_OTHER`. The list replaces the default.
   *
   * Variable: `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`. Default:
   * `GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH,QUERY`. Allowed: a comma-separated list of at most
   * 100 methods of HTTP.
   */
  readonly httpKnownMethods?: Settings['httpKnownMethods'] | string | undefined;

  /**
   * Long polls of the application: requests that are left open on purpose. One that is open for more than a
   * second has no duration, and a client that leaves it is no error. Event streams, WebSockets and the long
   * polls of Socket.IO are known without it. Globs as above.
   *
   * Variable: `ORCHESTRATOR_HTTP_WAITING_PATHS`. Default: none. Allowed: a comma-separated list of globs that
   * begin with `/`.
   */
  readonly httpWaitingPaths?: Settings['httpWaitingPaths'] | string | undefined;

  /**
   * Path of the exposition on the metrics server.
   *
   * Variable: `ORCHESTRATOR_METRICS_PATH`. Default: `/metrics`. Allowed: a path that begins with `/`.
   */
  readonly metricsPath?: Settings['metricsPath'] | undefined;

  /**
   * How OpenTelemetry names become Prometheus names; the four strategies of the specification.
   *
   * Variable: `ORCHESTRATOR_TRANSLATION_STRATEGY`. Default: `UnderscoreEscapingWithSuffixes`. Allowed:
   * `UnderscoreEscapingWithSuffixes`, `UnderscoreEscapingWithoutSuffixes`, `NoUTF8EscapingWithSuffixes`,
   * `NoTranslation`.
   */
  readonly translationStrategy?: Settings['translationStrategy'] | undefined;

  /**
   * Labels `otel_scope_name`, `otel_scope_version` and so on, on every line whose metric has them.
   *
   * Variable: `ORCHESTRATOR_SCOPE_INFO`. Default: `true`. Allowed: `true` or `false`.
   */
  readonly scopeInfo?: Settings['scopeInfo'] | undefined;

  /**
   * The metrics `target_info`, from the resource attributes that all live processes share, and
   * `orchestrator_instance_info`, which says for each `service_instance_id` host, process id, PM2 id, pod and
   * version.
   *
   * Variable: `ORCHESTRATOR_TARGET_INFO`. Default: `true`. Allowed: `true` or `false`.
   */
  readonly targetInfo?: Settings['targetInfo'] | undefined;

  /**
   * The lines `_created` of OpenMetrics, one for each counter and histogram. A Prometheus that asks for
   * OpenMetrics, as it does by default, stores each of them as a series of its own; with `false` it stores
   * only the metrics.
   *
   * Variable: `ORCHESTRATOR_CREATED_SERIES`. Default: `true`. Allowed: `true` or `false`.
   */
  readonly createdSeries?: Settings['createdSeries'] | undefined;

  /**
   * Resource attributes of a process that become labels of everything it measures: a list of globs,
   * `deployment.*,service.version`. Attributes that differ between processes, such as `process.pid`, give
   * each process series of its own.
   *
   * Variable: `ORCHESTRATOR_RESOURCE_LABELS`. Default: none. Allowed: a comma-separated list.
   */
  readonly resourceLabels?: Settings['resourceLabels'] | string | undefined;

  /**
   * Serves the metrics on the application's own HTTP servers too, at this path. Everyone that reaches the
   * application can then read them, unless a token or a user is set.
   *
   * Variable: `ORCHESTRATOR_APP_METRICS_PATH`. Default: none. Allowed: a path that begins with `/`.
   */
  readonly appMetricsPath?: Settings['appMetricsPath'] | undefined;

  /**
   * Bearer tokens; any of them lets a request in: `Authorization: Bearer <token>`. With a token or a user
   * set, everyone else gets `/healthz` and the bare status of `/readyz`. Holds for the metrics server, for
   * `ORCHESTRATOR_APP_METRICS_PATH` and for `metricsHandler()`. Several, for the time of an exchange, with
   * commas.
   *
   * Variable: `ORCHESTRATOR_METRICS_TOKEN`. Default: none. Allowed: a comma-separated list.
   */
  readonly metricsToken?: Settings['metricsToken'] | string | undefined;

  /**
   * File with bearer tokens, one a line. Read again when it changes.
   *
   * Variable: `ORCHESTRATOR_METRICS_TOKEN_FILE`. Default: none. Allowed: any text.
   */
  readonly metricsTokenFile?: Settings['metricsTokenFile'] | undefined;

  /**
   * Users of basic authentication, `name:hash`, with commas; [security.md](security.md#basic-authentication)
   * says how a hash is made.
   *
   * Variable: `ORCHESTRATOR_METRICS_BASIC_AUTH`. Default: none. Allowed: a comma-separated list.
   */
  readonly metricsBasicAuth?: Settings['metricsBasicAuth'] | string | undefined;

  /**
   * File with users, one `name:hash` a line. Read again when it changes.
   *
   * Variable: `ORCHESTRATOR_METRICS_BASIC_AUTH_FILE`. Default: none. Allowed: any text.
   */
  readonly metricsBasicAuthFile?: Settings['metricsBasicAuthFile'] | undefined;

  /**
   * File with the certificate (PEM) of the metrics server, and those between it and its authority. Read again
   * when it changes. With it the metrics server speaks TLS only.
   *
   * Variable: `ORCHESTRATOR_METRICS_TLS_CERT`. Default: none: no TLS. Allowed: any text.
   */
  readonly metricsTlsCert?: Settings['metricsTlsCert'] | undefined;

  /**
   * File with the key (PEM) of that certificate.
   *
   * Variable: `ORCHESTRATOR_METRICS_TLS_KEY`. Default: none. Allowed: any text.
   */
  readonly metricsTlsKey?: Settings['metricsTlsKey'] | undefined;

  /**
   * The oldest TLS that the metrics server accepts.
   *
   * Variable: `ORCHESTRATOR_METRICS_TLS_MIN_VERSION`. Default: `TLSv1.2`. Allowed: `TLSv1.2`, `TLSv1.3`.
   */
  readonly metricsTlsMinVersion?: Settings['metricsTlsMinVersion'] | undefined;

  /**
   * File with the certificate authorities (PEM) whose client certificates the metrics server accepts. Without
   * such a certificate a client gets `/healthz` and the bare status of `/readyz`. Tokens and users are asked
   * for besides. Needs TLS.
   *
   * Variable: `ORCHESTRATOR_METRICS_CLIENT_CA`. Default: none: clients need no certificate. Allowed: any
   * text.
   */
  readonly metricsClientCa?: Settings['metricsClientCa'] | undefined;

  /**
   * Host names, without port, under which the metrics server may be asked besides those of the loopback: of a
   * proxy or a tunnel before it. `*.example.com` for all names below one, `*` for any. On the loopback every
   * other name is refused; on another address only if this is set.
   *
   * Variable: `ORCHESTRATOR_METRICS_ALLOWED_HOSTS`. Default: none. Allowed: a comma-separated list.
   */
  readonly metricsAllowedHosts?: Settings['metricsAllowedHosts'] | string | undefined;

  /**
   * Allows `POST /wipe-metrics` with `Authorization: Bearer <token>`, which deletes all data of the project.
   *
   * Variable: `ORCHESTRATOR_WIPE_TOKEN`. Default: none: wiping is off. Allowed: any text.
   */
  readonly wipeToken?: Settings['wipeToken'] | undefined;

  /**
   * File with that token; several, one a line. Read again when it changes.
   *
   * Variable: `ORCHESTRATOR_WIPE_TOKEN_FILE`. Default: none. Allowed: any text.
   */
  readonly wipeTokenFile?: Settings['wipeTokenFile'] | undefined;

  /**
   * Also start in `worker_threads`, each as an instance of its own.
   *
   * Variable: `ORCHESTRATOR_WORKER_THREADS`. Default: `false`. Allowed: `true` or `false`.
   */
  readonly workerThreads?: Settings['workerThreads'] | undefined;

  /**
   * Turns the SDK off, and this package with it.
   *
   * Variable: `OTEL_SDK_DISABLED`. Default: `false`. Allowed: `true` or `false`.
   */
  readonly sdkDisabled?: Settings['sdkDisabled'] | undefined;

  /**
   * `service.name`.
   *
   * Variable: `OTEL_SERVICE_NAME`. Default: `service.name` of OTEL_RESOURCE_ATTRIBUTES, else the name of the
   * application in its package.json. Allowed: any text.
   */
  readonly serviceName?: Settings['serviceName'] | undefined;

  /**
   * Resource attributes, `key=value,key=value`. Those that all processes share are the labels of
   * `target_info`.
   *
   * Variable: `OTEL_RESOURCE_ATTRIBUTES`. Default: none. Allowed: any text.
   */
  readonly resourceAttributes?: Settings['resourceAttributes'] | undefined;

  /**
   * `orchestrator` (this package), `otlp`, `prometheus` (the upstream exporter, per process), `console`,
   * `none`; a list is allowed: `orchestrator,otlp`. Deviation: the specification says `otlp`.
   *
   * Variable: `OTEL_METRICS_EXPORTER`. Default: `orchestrator`. Allowed: a comma-separated list.
   */
  readonly metricsExporter?: Settings['metricsExporter'] | string | undefined;

  /**
   * Where traces go. Deviation: traces are off unless this or an OTLP endpoint is set; the specification says
   * `otlp`.
   *
   * Variable: `OTEL_TRACES_EXPORTER`. Default: none, unless an OTLP endpoint is set. Allowed: a
   * comma-separated list.
   */
  readonly tracesExporter?: Settings['tracesExporter'] | string | undefined;

  /**
   * Where logs go. Deviation: logs are off unless this or an OTLP endpoint is set; the specification says
   * `otlp`.
   *
   * Variable: `OTEL_LOGS_EXPORTER`. Default: none, unless an OTLP endpoint is set. Allowed: a comma-separated
   * list.
   */
  readonly logsExporter?: Settings['logsExporter'] | string | undefined;

  /**
   * The OTLP endpoint. Setting it turns traces and logs on, and with `otlp` among the metrics exporters it
   * gets the metrics too.
   *
   * Variable: `OTEL_EXPORTER_OTLP_ENDPOINT`. Default: none. Allowed: any text.
   */
  readonly otlpEndpoint?: Settings['otlpEndpoint'] | undefined;

  /**
   * Protocol of the `otlp` metrics exporter.
   *
   * Variable: `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL`, else `OTEL_EXPORTER_OTLP_PROTOCOL`. Default:
   * `http/protobuf`. Allowed: `grpc`, `http/protobuf`, `http/json`.
   */
  readonly otlpProtocol?: Settings['otlpProtocol'] | undefined;

  /**
   * Resource detectors: `env`, `host`, `os`, `process`, `serviceinstance`, `all`, `none`. Deviation:
   * `process` is not among the default ones, because command lines carry secrets.
   *
   * Variable: `OTEL_NODE_RESOURCE_DETECTORS`. Default: `env,host`. Allowed: a comma-separated list.
   */
  readonly resourceDetectors?: Settings['resourceDetectors'] | string | undefined;

  /**
   * The database drivers that are measured, and with traces the instrumentations that are used; names without
   * their prefix: `pg,mysql2,ioredis,redis`.
   *
   * Variable: `OTEL_NODE_ENABLED_INSTRUMENTATIONS`. Default: all but `ioredis`. Allowed: a comma-separated
   * list.
   */
  readonly enabledInstrumentations?: Settings['enabledInstrumentations'] | string | undefined;

  /**
   * Drivers and instrumentations to leave out. Metrics of HTTP, runtime, process and host are not among them.
   *
   * Variable: `OTEL_NODE_DISABLED_INSTRUMENTATIONS`. Default: none. Allowed: a comma-separated list.
   */
  readonly disabledInstrumentations?: Settings['disabledInstrumentations'] | string | undefined;

  /**
   * Milliseconds between two flushes. Deviation: the specification says 60000. SIGKILL loses at most this
   * much. It holds for the `otlp` and `console` metrics exporters too.
   *
   * Variable: `OTEL_METRIC_EXPORT_INTERVAL`. Default: `5000`. Allowed: a whole number from 100 to 3600000.
   */
  readonly metricExportInterval?: Settings['metricExportInterval'] | undefined;

  /**
   * Milliseconds for which `process.exit()` or a crash may be held up to send what was recorded since the
   * last flush. It takes about a millisecond with the local store, and a thread and a connection with Redis.
   * What Redis has not confirmed by then goes to a file, which the next process of the project on this host
   * sends. `0`: such ends lose what was recorded since the last flush.
   *
   * Variable: `ORCHESTRATOR_EXIT_TIMEOUT`. Default: `500`. Allowed: a whole number from 0 to 10000.
   */
  readonly exitTimeout?: Settings['exitTimeout'] | undefined;

  /**
   * Milliseconds a flush may take: never more than the interval, and for a flush to the store never more than
   * 5000.
   *
   * Variable: `OTEL_METRIC_EXPORT_TIMEOUT`. Default: the interval, at most `30000`. Allowed: a whole number
   * from 50 to 3600000.
   */
  readonly metricExportTimeout?: Settings['metricExportTimeout'] | undefined;

  /**
   * Address of the metrics server. `localhost` is 127.0.0.1; `0.0.0.0` lets other hosts reach it.
   *
   * Variable: `OTEL_EXPORTER_PROMETHEUS_HOST`. Default: `localhost`. Allowed: any text.
   */
  readonly prometheusHost?: Settings['prometheusHost'] | undefined;

  /**
   * Port of the metrics server: one for each project of a host. One process of the project serves; when it
   * ends, another one takes over. A port that the application listens on itself is left to it. `0` takes any
   * free port.
   *
   * Variable: `OTEL_EXPORTER_PROMETHEUS_PORT`. Default: `9464`. Allowed: a whole number from 0 to 65535.
   */
  readonly prometheusPort?: Settings['prometheusPort'] | undefined;

  /**
   * What is printed to stderr. OpenTelemetry's own diagnostics from `debug` on.
   *
   * Variable: `OTEL_LOG_LEVEL`. Default: `info`. Allowed: `none`, `error`, `warn`, `info`, `debug`,
   * `verbose`, `all`.
   */
  readonly logLevel?: Settings['logLevel'] | undefined;
}
