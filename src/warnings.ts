import { fill, type Values } from './errors.js';

/**
 * Every warning of this package, by its code. `docs/errors.md` is written from this table, and the line on stderr begins
 * with the code. `<name>` in a message stands for a value. Rows with `level: 'debug'` are told to OpenTelemetry's
 * diagnostics, which are printed when OTEL_LOG_LEVEL is `debug`: they repeat, or are of interest to few.
 */
const WARNINGS = {
  ORCHESTRATOR_NOT_STARTED: {
    message: 'not started, the application runs without metrics: <error>',
    meaning: 'The preload failed. The application runs as if it were not there.',
    remedy: 'The reason follows; it is one of the codes above or an error of OpenTelemetry.',
  },
  ORCHESTRATOR_SETTING_IGNORED: {
    message: '<variable>=<value> is not allowed. Allowed: <allowed>. Used instead: <default>.',
    meaning: 'An environment variable has a value that is not allowed.',
    remedy: 'Correct it or remove it.',
  },
  ORCHESTRATOR_SETTING_UNKNOWN: {
    message: '<variable> is not a setting and has no effect. The nearest one is <nearest>.',
    meaning:
      'An environment variable has nearly the name of a setting. Variables whose names are not near to any are ignored without a word: they may belong to another program.',
    remedy: 'Correct the name, or remove the variable.',
  },
  ORCHESTRATOR_NO_NAME: {
    message:
      'No name for this project: set ORCHESTRATOR_PREFIX. Projects without a name share "unknown_service".',
    meaning: 'There is no prefix, no service name, and no package.json with a name above the main script.',
    remedy: 'Set `ORCHESTRATOR_PREFIX`.',
  },
  ORCHESTRATOR_NAME_CHANGED: {
    message:
      'This project is called "<name>", after the application; version 0.1.0 called it "<before>". Set ORCHESTRATOR_PREFIX to choose a name.',
    meaning:
      'There is no prefix and no service name. The main file belongs to an installed package (a launcher, a command), and version 0.1.0 took the name of that. Now the name is that of the package.json of the working directory. Metrics are stored under the new name, and begin from zero there.',
    remedy: 'Set `ORCHESTRATOR_PREFIX`, to the old name or to any other.',
  },
  ORCHESTRATOR_BUNDLE: {
    message:
      'The application is a bundle (<file>). Of the packages in it, the routes of Koa, Hapi and servers without a framework are missing, and the mounts of Express are `{mount}`; databases are not measured. Leave packages out of the bundle.',
    meaning:
      'Frameworks and drivers are recognized when they are loaded, and a bundle loads none. All other metrics are there.',
    remedy: 'For example `esbuild --packages=external`, or `setRoute()` in the application.',
  },
  ORCHESTRATOR_LOADER: {
    message:
      "Routes of <framework> are not recognized in an ES module under Yarn's Plug'n'Play before Node 22: http_route is the path as a template.",
    meaning:
      "The loader of Plug'n'Play gives the application another copy of the framework than it gives to a preload.",
    remedy: 'Use Node 22 or later, `nodeLinker: node-modules`, or `setRoute()` in the application.',
  },
  ORCHESTRATOR_NEWER_API: {
    message:
      "The application's @opentelemetry/api <theirs> is newer than that of this package, <ours>: what it records by that copy is not measured. Install <ours> in the application as well.",
    meaning:
      'A copy of the API uses no SDK that was registered by a copy of an earlier minor version, and says nothing. HTTP, runtime, host and database metrics are there.',
    remedy:
      '`npm ls @opentelemetry/api` shows all copies; `npm install @opentelemetry/api@<ours>` leaves one.',
  },
  ORCHESTRATOR_EXPORTER_UNKNOWN: {
    message:
      'OTEL_METRICS_EXPORTER: "<exporter>" is not allowed. Allowed: orchestrator, otlp, prometheus, console, none. It is left out.',
    meaning: 'One name of the list is unknown. The others are used.',
    remedy: 'Correct the name.',
  },
  ORCHESTRATOR_WORKER_NOT_MEASURED: {
    message:
      'A cluster worker was started with execArgv of its own and without the preload: it is not measured. Add ...process.execArgv to that execArgv, or set NODE_OPTIONS.',
    meaning:
      'The `execArgv` of `cluster.setupPrimary()` replaces that of the primary, and with it the preload.',
    remedy:
      "`cluster.setupPrimary({ execArgv: [...process.execArgv, '--max-old-space-size=200'] })`, or give the preload in `NODE_OPTIONS`, which all workers inherit.",
  },
  ORCHESTRATOR_DETECTOR_UNKNOWN: {
    message: 'OTEL_NODE_RESOURCE_DETECTORS: "<detector>" is not known. Allowed: <allowed>. It is left out.',
    meaning: 'One name of the list is unknown. The others are used.',
    remedy:
      'Correct the name. Attributes of a cloud or a container can be given in `OTEL_RESOURCE_ATTRIBUTES`.',
  },
  ORCHESTRATOR_ANOTHER_METER_PROVIDER: {
    message:
      'The application has a MeterProvider of its own, which keeps all that it exports. Its instruments are not in the sum of this project, only HTTP, runtime and host are. To have them there, give a StoreMetricReader to that MeterProvider: getting-started.md, "With an SDK of your own".',
    meaning:
      'The application sets up OpenTelemetry itself, before the preload or after it. Its provider gets the place in the API that it asks for; the metrics of this package go on beside it.',
    remedy:
      'To add the instruments of the application, see [getting-started.md](getting-started.md#with-an-sdk-of-your-own). Otherwise nothing.',
  },
  ORCHESTRATOR_PM2_ENV_UNREADABLE: {
    message: 'pm2_env is not a JSON object; it is ignored.',
    meaning:
      'Under PM2 the settings of the ecosystem file are read from `pm2_env`, and something else has changed it. A warning of the process, not a line of ours.',
    remedy: 'Remove the code that sets `pm2_env`.',
  },
  ORCHESTRATOR_SHUTDOWN_INCOMPLETE: {
    message: 'At the end: <error>',
    meaning: '`shutdown()` did not end everything in order: an exporter of OpenTelemetry failed.',
    remedy:
      'The reason follows. The metrics for the store were sent before, or another warning says that they were not.',
  },
  ORCHESTRATOR_METRICS_WAIT: {
    message:
      '<error> Metrics wait in memory and are sent when the store is back; the application is not affected.',
    meaning: 'A flush did not reach the store. The reason comes first.',
    remedy:
      'See the code `ORCHESTRATOR_STORE_UNAVAILABLE`, `ORCHESTRATOR_STORE_REFUSED` or `ORCHESTRATOR_PREFIX_TAKEN`.',
  },
  ORCHESTRATOR_METRICS_SENT: {
    message: 'Store <store> answers again; everything that waited has been sent.',
    meaning: 'The outage is over. Nothing was lost and nothing was counted twice.',
    remedy: 'Nothing.',
  },
  ORCHESTRATOR_METRICS_LOST: {
    message: 'The last values of <series> series did not reach the store: <error>',
    meaning: 'The process ended while the store was unavailable. The values that it had not sent are lost.',
    remedy: 'Nothing can be done afterwards. Keep the store up longer than the processes that use it.',
  },
  ORCHESTRATOR_NO_SPOOL: {
    message: 'What a process cannot send before its end will be lost: <error>',
    level: 'debug',
    meaning:
      'With Redis, what a process cannot send before its end is left in a file of the host, for the next process of the project. That folder cannot be used.',
    remedy:
      'Set `ORCHESTRATOR_LOCAL_DIR` to a folder that the processes may write to; in a container, a volume.',
  },
  ORCHESTRATOR_SPOOL_DROPPED: {
    message: 'What a process could not send before its end, <series> series, is dropped: <why>.',
    meaning:
      'A process had left its last values in a file, and by now they cannot be counted: the project was wiped, or they have waited for half of `ORCHESTRATOR_METRICS_TTL`, after which Redis does not know whether it has them. They are counted in `orchestrator_points_dropped_total`.',
    remedy: 'Nothing.',
  },
  ORCHESTRATOR_OUTCOME_UNKNOWN: {
    message:
      'One flush of unknown outcome is given up: the store was away for too long to tell whether it arrived.',
    meaning:
      'A flush was sent, its answer never came, and the store was away for so long that it has forgotten this process: half of `ORCHESTRATOR_METRICS_TTL` or more. To send it again could count it twice.',
    remedy: 'Nothing. At most one flush of this process is missing.',
  },
  ORCHESTRATOR_FAILOVER: {
    message: '<store> lost confirmed writes (failover); <parts> parts are sent again<rest>.',
    meaning:
      'Redis failed over to a replica that did not have the latest writes. This process sends its own again, from a bounded memory. `older ones are gone` means that the memory did not reach back far enough.',
    remedy: 'Nothing. With frequent failovers look at replication lag and `min-replicas-to-write`.',
  },
  ORCHESTRATOR_MEMORY_STORE: {
    message:
      '<error> Used instead: memory, so that each process shows only itself. Set ORCHESTRATOR_LOCAL_DIR or ORCHESTRATOR_REDIS_URL.',
    meaning: 'The folder of the local store cannot be used. The reason comes first.',
    remedy: 'Set one of the two. A read-only container needs a writable `ORCHESTRATOR_LOCAL_DIR`.',
  },
  ORCHESTRATOR_LOCAL_STORE_DAMAGED: {
    message:
      'The local store in <folder> was damaged (<error>). It was moved to <damaged>, and a new one begins from zero.',
    meaning: 'A file was not readable: the host lost power, or another program changed it.',
    remedy: 'Nothing. The damaged files are kept until the next damage.',
  },
  ORCHESTRATOR_POINTS_DROPPED: {
    message: 'Metric <metric>: <why>. Such points are dropped and counted in orchestrator.points.dropped.',
    meaning:
      'Something that cannot be added was recorded: NaN or infinity in a counter, an up-down counter, a histogram, or a gauge whose processes are summed or averaged; or more than the store takes in one request. It alone is not counted. Or the store refuses data of this metric; the reason says why. Said once for each metric.',
    remedy: 'Correct the code that records it, or the cause that the reason names.',
  },
  ORCHESTRATOR_TLS_NOT_VERIFIED: {
    message:
      'ORCHESTRATOR_REDIS_TLS_VERIFY=false: any certificate is accepted. The connection is encrypted, but anyone on the way can pose as Redis, read and change everything, and learn the password.',
    meaning: 'You have turned off the check of the certificate of Redis.',
    remedy:
      'If the certificate can be had, name it in `ORCHESTRATOR_REDIS_TLS_CA`, and the name in it in `ORCHESTRATOR_REDIS_TLS_SERVERNAME`, and remove this setting.',
  },
  ORCHESTRATOR_TLS_OTHER_NAME: {
    message:
      'ORCHESTRATOR_REDIS_TLS_SERVERNAME=<name>: the certificate of Redis has to be for this name, not for the host that is connected to. Any server with a certificate for this name can pose as Redis.',
    meaning: 'You have told by which name the certificate of Redis is checked.',
    remedy: 'Nothing, if the name belongs to your Redis alone.',
  },
  ORCHESTRATOR_ENTRY_UNREADABLE: {
    message: 'The entry <entry> of the Redis key <key> cannot be read; it is left out.',
    meaning:
      'Something else has written into the keys of this project, or a restore was damaged. Everything else is served. Said once for each entry, and counted in `orchestrator.entries.unreadable`.',
    remedy: 'Delete the entry with HDEL. Give other programs a user that cannot write to these keys.',
  },
  ORCHESTRATOR_KEY_UNREADABLE: {
    message: 'The Redis key <key> is of another type than this package makes; it is left out.',
    meaning:
      'As above, for a whole key. The metric to which it belongs is missing, or the instance. A key of the project as a whole is replaced with the next flush. Counted in `orchestrator.entries.unreadable` as well.',
    remedy: 'Delete the key, or wipe the project.',
  },
  ORCHESTRATOR_RECORD_UNREADABLE: {
    message: 'A line of <file> cannot be read (<error>); it is left out.',
    meaning:
      'Something else has written into the log of the local store, or the host lost power. Everything else is served. Said once for each file, and each line is counted in `orchestrator.entries.unreadable`.',
    remedy: 'Nothing. The line goes with the file, when the next checkpoint is written.',
  },
  ORCHESTRATOR_LABELS_CUT: {
    message:
      'Metric <metric>: <what> is too long. Such texts are cut, with a hash at their end, and counted in orchestrator.labels.cut.',
    meaning:
      'A label value, an attribute key or a name is longer than `ORCHESTRATOR_MAX_LABEL_LENGTH`. Different texts stay different. Said once for each attribute.',
    remedy:
      'Do not put texts of any length into attributes: a name or a code in their place. Or raise `ORCHESTRATOR_MAX_LABEL_LENGTH`.',
  },
  ORCHESTRATOR_BOUNDARIES_MENDED: {
    message:
      'Metric <metric>: the boundaries [<given>] are not finite, distinct and ascending. Used instead: [<used>].',
    meaning:
      'A histogram, or a view of it, was given boundaries that no histogram can have. What is right in them is used.',
    remedy: 'Correct the boundaries.',
  },
  ORCHESTRATOR_METRIC_NOT_EXPOSED: {
    message: 'Metric "<metric>" is not exposed: <why>. Rename it.',
    meaning:
      'Two metrics need the same Prometheus name and have different types, or the name has nothing that Prometheus allows. The older metric is exposed.',
    remedy:
      'Rename one of them. After a change of type the old data leave by themselves, after `ORCHESTRATOR_METRICS_TTL`.',
  },
  ORCHESTRATOR_DESCRIPTIONS_DIFFER: {
    message:
      'Metric "<metric>" has another description than the metric that shares its Prometheus name <name>; the older one is exposed.',
    meaning: 'Two metrics share one Prometheus name. All their points are exposed, under one description.',
    remedy: 'Give both the same description, or one of them another name.',
  },
  ORCHESTRATOR_SCRAPE_BROKEN: {
    message: 'A scrape broke off: <error>.',
    meaning:
      'Something in the metrics could not be written. The scraper saw the connection break. Said once for each reason.',
    remedy: 'Report it with its reason: it is a defect of this package.',
  },
  ORCHESTRATOR_PORT_TAKEN: {
    message:
      'Port <port> belongs to <owner>, so nobody serves the metrics of "<prefix>". Set OTEL_EXPORTER_PROMETHEUS_PORT to a free port.',
    meaning:
      'The port of the metrics server is taken by another program or another project. It is left to them for good, also while they restart. The metrics are stored all the same.',
    remedy: 'Give each project of a host a port of its own, and restart.',
  },
  ORCHESTRATOR_PORT_SILENT: {
    message:
      'Port <port> is taken by a process that does not answer, so the metrics of "<prefix>" may not be served. Look at that process, or set OTEL_EXPORTER_PROMETHEUS_PORT to a free port.',
    meaning:
      'The port was taken, and for a minute its holder has not said which project it serves: a program that speaks no HTTP, or a process of the project that is stopped or very busy.',
    remedy: 'Find the process, for example with `ss -ltnp`. When it ends, this one serves.',
  },
  ORCHESTRATOR_PORT_CLOSED: {
    message:
      'Port <port> is held by a process of this package that does not say which project it serves. When it ends, this one serves "<prefix>". If it is another project, set OTEL_EXPORTER_PROMETHEUS_PORT to a free port.',
    meaning:
      'The process that has the port wants credentials, and shares none with this one. It is an older process of the project, from before a token was exchanged, or another project.',
    remedy:
      'After an exchange of tokens nothing. Set the old and the new token for the time of the exchange, and the processes know each other: [security.md](security.md#tokens).',
  },
  ORCHESTRATOR_PORT_LEFT: {
    message:
      'The application listens on port <port>, so the metrics server has left it. The metrics of "<prefix>" are <elsewhere>.',
    meaning:
      "The application wants the port of the metrics server. The application's port is the application's; the metrics are stored all the same.",
    remedy:
      'Set `OTEL_EXPORTER_PROMETHEUS_PORT` to another port, or `ORCHESTRATOR_APP_METRICS_PATH` to a path of the application.',
  },
  ORCHESTRATOR_STORES_DIFFER: {
    message:
      'Process <pid> serves "<prefix>" on port <port> from the store <theirs>; this process writes to the store <ours>, which is not shown there. Give both the same ORCHESTRATOR_STORE, ORCHESTRATOR_LOCAL_DIR and ORCHESTRATOR_REDIS_URL.',
    meaning:
      'Two processes of one project have different stores and one port: the numbers of one of them are missing from the scrape.',
    remedy:
      'Give all processes of a project the same store, or those that belong together a prefix and a port of their own. Two names of one Redis server count as different.',
  },
  ORCHESTRATOR_OPEN_TO_ALL: {
    message:
      'Everyone who reaches port <port> of <host> can read the metrics. Set ORCHESTRATOR_METRICS_TOKEN, ORCHESTRATOR_METRICS_BASIC_AUTH or ORCHESTRATOR_METRICS_CLIENT_CA, or OTEL_EXPORTER_PROMETHEUS_HOST=localhost.',
    meaning:
      'The metrics server listens on another address than the loopback, and asks nobody who they are. Said by the process that serves.',
    remedy:
      'Set one of these: [security.md](security.md#who-may-read). If a network policy or a firewall keeps others away, nothing.',
  },
  ORCHESTRATOR_REQUESTS_REFUSED: {
    message:
      '<requests> requests for metrics were refused since this was last said; the latest, from <address>: <reason>.',
    meaning:
      'Somebody asked without a token, with a wrong one, under a foreign host name, or too often. The reasons are those of the metric `orchestrator.requests.refused`. Said once a minute at most.',
    remedy:
      'If it is your scraper, correct what it sends: [security.md](security.md#who-may-read). If it is not, find out who it is.',
  },
  ORCHESTRATOR_CREDENTIALS_UNUSABLE: {
    message: '<setting>: <entries> of its entries cannot be used and let nobody in. Allowed: <usable>.',
    meaning:
      'A token or a user is not written as it has to be. It is set all the same, and the port stays closed.',
    remedy: 'Correct it. [security.md](security.md#who-may-read) says how a hash is made.',
  },
  ORCHESTRATOR_FILE_UNUSABLE: {
    message: '<setting>=<file> cannot be used: <error>. What it held before is used on.',
    meaning:
      'A file with tokens, users or certificates is gone or cannot be read. If it never could be read, it lets nobody in.',
    remedy: 'Correct the file or its rights. It is looked at again with the next request.',
  },
  ORCHESTRATOR_CERTIFICATE_UNUSABLE: {
    message: '<settings>: what the files hold now cannot be used: <error>. What they held before is used on.',
    meaning: 'A certificate was exchanged for something that is none, or that does not fit its key.',
    remedy: 'Correct the files. They are looked at every ten seconds.',
  },
  ORCHESTRATOR_CANNOT_LISTEN: {
    message:
      'The metrics server cannot listen: <error>. Check OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT.',
    meaning:
      'The address does not exist on this host, or the port needs rights that the process does not have.',
    remedy: 'Correct host or port. It is tried again every few seconds.',
  },
  ORCHESTRATOR_NOT_MEASURED: {
    level: 'debug',
    message: 'orchestrator: <what>',
    meaning: 'One request or command could not be measured. The application did not notice.',
    remedy: 'Report it with its reason: it is a defect of this package.',
  },
  ORCHESTRATOR_ROUTES_UNKNOWN: {
    level: 'debug',
    message: 'orchestrator: routes of <framework> are not recognized',
    meaning:
      'A version of the framework that differs from those that are known. Its requests are measured without their routes.',
    remedy: 'Say the route in the application, with `setRoute()`, and report the version.',
  },
  ORCHESTRATOR_PACKAGE_NOT_USED: {
    level: 'debug',
    message: 'orchestrator: <package> is not used',
    meaning: 'An instrumentation that the application has installed could not be loaded.',
    remedy: 'The reason follows. Install a version that fits the OpenTelemetry packages of this one.',
  },
  ORCHESTRATOR_ESM_NOT_TRACED: {
    level: 'debug',
    message: 'orchestrator: ESM packages are not traced',
    meaning: "OpenTelemetry's hook for ESM could not be registered. CommonJS packages are traced.",
    remedy: 'The reason follows.',
  },
  ORCHESTRATOR_QUEUE_NOT_COUNTED: {
    level: 'debug',
    message: 'orchestrator: the jobs of queue <queue> are not counted: <error>',
    meaning: 'The queue failed or did not answer in time. There is no number until it does.',
    remedy: 'Look at the queue: it is asked again with every collection.',
  },
} as const;

type Warnings = typeof WARNINGS;

/** A code never changes its meaning. New ones may come. */
export type WarningCode = keyof Warnings;

/** What a reader of `docs/errors.md` wants to know about one warning. */
export interface WarningEntry {
  readonly level?: 'debug';
  readonly message: string;
  readonly meaning: string;
  readonly remedy: string;
}

/** The table as data: for the page and for tests. */
export const WARNING_TABLE: Readonly<Record<WarningCode, WarningEntry>> = WARNINGS;

/** Is told every warning: one line of text, and its code, which a store of another author may not have. */
export type Warn = (message: string, code?: WarningCode) => void;

/** A warning of the table as arguments: `warn(...warning('ORCHESTRATOR_METRICS_SENT', { store }))`. */
export function warning<Code extends WarningCode>(
  code: Code,
  values: Values<Warnings[Code]['message']>,
): [message: string, code: WarningCode] {
  return [fill(WARNINGS[code].message, values), code];
}
