/**
 * How `src` stands, once, as data: `test/architecture.test.ts` checks it, and `npm run docs` draws it in
 * docs/architecture.md. A room is a folder of `src`, or a file at its root.
 */

/** From top to bottom, with what is there. A room may import from the floors below its own, and from no other. */
export const FLOORS: ReadonlyArray<Readonly<Record<string, string>>> = [
  {
    'index.ts': 'what the package exports',
    'preload.ts': 'what `register.ts` runs: is this an application, is it wanted, `start()`; never throws',
    cli: 'the program `orchestrator`, a composition root of its own: reads stores, starts no SDK; one file for each command',
  },
  {
    start:
      'the composition root: reads the settings, makes everything else, ends it; everything below gets arguments',
  },
  {
    server: 'the metrics server, its port, and the scrapes that it answers',
    config: 'one typed table of settings; parsing, the configuration page and redaction come from it',
  },
  {
    page: 'the live page: what it shows and keeps, and in `browser/` its code; loaded when somebody looks',
  },
  {
    reader: 'from collections of the SDK to delta batches',
    prometheus: 'from a snapshot to an exposition',
    live: 'from two snapshots to what happened in between, for a person who watches',
  },
  {
    store: 'the contract of a store, the stores, and how their data become a snapshot',
  },
  {
    application: 'what an application calls: jobs, queues, health checks',
    instrumentation: 'HTTP, frameworks, databases, runtime and host, spans: [instruments.md](instruments.md)',
  },
  {
    model: 'the words: family, series, delta batch, snapshot, and the arithmetic of histograms',
    'event-loop': 'how work is kept from holding the event loop, and a promise from ending with it',
    'own-traffic': "how this package's own servers, requests and commands are told from the application's",
    'log.ts': 'lines on stderr',
  },
  {
    'warnings.ts': 'every warning: [errors.md](errors.md#warnings)',
  },
  {
    'errors.ts': 'every error: [errors.md](errors.md#errors)',
    'glob.ts': 'patterns of names',
    'version.ts': 'the version of the package',
  },
];

/** Something that only some places may touch. */
export interface Reserved {
  /** As the page says it. */
  readonly what: string;
  /** Properties of `process`. */
  readonly ofProcess?: RegExp;
  /** Packages, modules of Node (without `node:`), or files of ours by their path. */
  readonly imports?: RegExp;
  /** A folder (with a slash) or a file, also without its ending, and why there. */
  readonly places: Readonly<Record<string, string>>;
}

export const RESERVED: readonly Reserved[] = [
  {
    what: 'The environment (`process.env`)',
    ofProcess: /^env$/,
    places: { 'src/config/environment.ts': 'settings come from there' },
  },
  {
    what: 'Events and signals of the process',
    ofProcess:
      /^(?:on|once|off|addListener|removeListener|removeAllListeners|prependListener|prependOnceListener|listeners|rawListeners|listenerCount|emit|kill|exit|abort|reallyExit|setUncaughtExceptionCaptureCallback)$/,
    places: {
      'src/start/lifecycle/': 'the last flush',
      'src/cli/': 'a command line is a process of its own',
    },
  },
  {
    what: 'Child processes',
    imports: /^(?:child_process|systeminformation|@opentelemetry\/host-metrics)$/,
    places: {
      'src/cli/': 'a command line may start what it is asked to',
    },
  },
  {
    what: 'The Redis client (`ioredis`)',
    imports: /^ioredis$/,
    places: { 'src/store/redis/': 'the store in Redis' },
  },
  {
    what: "OpenTelemetry's SDK (`@opentelemetry/sdk-*`)",
    imports: /^@opentelemetry\/sdk-/,
    places: {
      'src/start/': 'sets it up',
      'src/reader/': 'a reader and an exporter of the SDK',
      'src/instrumentation/meter/aggregating-meter.ts':
        'hands its sums to the reader as a producer of the SDK',
      'src/instrumentation/meter/guard-observable.ts': "stands before the SDK's aggregations",
    },
  },
  {
    what: "Node's HTTP",
    imports: /^(?:https?|http2)$/,
    places: {
      'src/server/': 'answers scrapes',
      'src/start/': 'hands a request of the application to the server',
      'src/instrumentation/': 'measures requests',
      'src/own-traffic/': 'the agent of our own requests',
      'src/cli/doctor/facts/scrape.ts': 'scrapes an endpoint and trusts its very certificate',
    },
  },
  {
    what: 'The inside of a store',
    imports: /^src\/store\/(?:redis|local|memory|snapshot|state)\//,
    places: {
      'src/store/': 'the stores',
      'src/start/redis-target.ts': 'makes what the store in Redis connects to',
      'src/config/settings.ts': 'the words for its modes',
    },
  },
];

/** Files of `src` in one folder, at its root, and lines of one file: more is two things. */
export const LIMITS = { filesOfFolder: 16, filesOfRoot: 8, linesOfFile: 250 } as const;

/** Files that are longer than they may be, and why. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  'src/config/settings.ts': 'the table of settings: a row for each',
  'src/warnings.ts': 'the table of warnings: a row for each',
  'src/cli/doctor/findings.ts': 'the table of findings: a row for each',
  'src/config/setting-options.ts': 'the same rows as options of `start()`, with their documentation',
};

/** Folders that import each other although they should not: `a <-> b`, and until when. */
export const KNOWN_CIRCLES: Readonly<Record<string, string>> = {};
