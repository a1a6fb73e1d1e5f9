import { fill, type Values } from '../../errors.js';

/**
 * Everything that `doctor` can find, by name: what it is, why it matters, what to type. `broken` means that metrics are
 * missing or wrong now; a `warning`, that they may be, or that something was meant in another way. docs/doctor.md explains each.
 * `<name>` in a text stands for a value.
 */
const FINDINGS = {
  'node-version': {
    severity: 'broken',
    what: 'Node.js <version> is not supported.',
    why: 'The preload needs Node.js <allowed>, and OpenTelemetry no older one.',
    fix: 'nvm install 22',
  },
  'not-installed': {
    severity: 'broken',
    what: '@org/orchestrator cannot be found from <folder>, and <where> loads it.',
    why: 'Every process that is started there ends with "Cannot find module".',
    fix: 'npm install @org/orchestrator',
  },
  'package-copies': {
    severity: 'warning',
    what: '<package> is installed <count> times: <copies>.',
    why: '<consequence>',
    fix: 'npm dedupe && npm ls <package>',
  },
  'sdk-version': {
    severity: 'warning',
    what: '<package> is <version> here, and this package is made for <allowed>.',
    why: 'An override or a lockfile holds it there. What changed between the two is found out by your application.',
    fix: 'npm install <package>@"<allowed>"',
  },
  'preload-missing': {
    severity: 'warning',
    what: '<where> starts Node without the preload: <command>',
    why: 'Its processes are in no metric.',
    fix: '<fix>',
  },
  'process-without-preload': {
    severity: 'warning',
    what: 'Process <pid> runs without the preload: <command>',
    why: 'Its requests and its memory are in no metric. A cluster or a fork with execArgv of its own does not hand the preload on.',
    fix: 'export NODE_OPTIONS="--require @org/orchestrator/register"',
  },
  'another-sdk': {
    severity: 'warning',
    what: 'Process <pid> has an OpenTelemetry SDK of its own (<provider>) and no preload: <command>',
    why: 'Its metrics are of that process alone, and go where that SDK sends them.',
    fix: 'node --require @org/orchestrator/register <command>',
  },
  'application-warning': {
    severity: 'warning',
    what: 'The application says <code>: <message>',
    why: '<why>',
    fix: '<fix>',
  },
  'application-ended': {
    severity: 'broken',
    what: '"node <command>" ended with <ending> within <seconds> s: <output>',
    why: 'What does not run is not measured.',
    fix: 'node <command>',
  },
  'setting-invalid': {
    severity: 'warning',
    what: '<message>',
    why: 'Processes that are started like this do not do what the variable asks for.',
    fix: 'unset <variable>',
  },
  'setting-unknown': {
    severity: 'warning',
    what: '<variable> is no setting.',
    why: 'It has no effect. <nearest> was probably meant.',
    fix: 'export <nearest>="$<variable>"; unset <variable>',
  },
  'settings-incomplete': {
    severity: 'broken',
    what: '<message>',
    why: 'The preload does not start with these settings, and the application runs without metrics.',
    fix: 'orchestrator doctor --show-settings',
  },
  'settings-in-file': {
    severity: 'warning',
    what: '<names> in <file> are not in the environment.',
    why: 'dotenv reads the file when the application runs; the preload has read its settings before that.',
    fix: 'node --env-file=<file> --require @org/orchestrator/register app.js',
  },
  'turned-off': {
    severity: 'broken',
    what: '<variable>=<value>: nothing goes to the store.',
    why: 'Processes that are started like this are in no metric.',
    fix: 'unset <variable>',
  },
  'no-name': {
    severity: 'warning',
    what: 'The project has no name.',
    why: 'All projects without one share the prefix "unknown_service", and are summed as one.',
    fix: 'export ORCHESTRATOR_PREFIX=shop',
  },
  'memory-store': {
    severity: 'warning',
    what: 'ORCHESTRATOR_STORE=memory: each process keeps its own numbers.',
    why: 'A scrape shows the process that answers it, and no other.',
    fix: 'unset ORCHESTRATOR_STORE',
  },
  'tls-not-verified': {
    severity: 'warning',
    what: 'ORCHESTRATOR_REDIS_TLS_VERIFY=false: any certificate is accepted.',
    why: 'Anyone on the way can pose as Redis, and learn the password.',
    fix: 'export ORCHESTRATOR_REDIS_TLS_CA=/path/to/ca.pem; unset ORCHESTRATOR_REDIS_TLS_VERIFY',
  },
  'store-unreachable': {
    severity: 'broken',
    what: '<message>',
    why: 'Processes keep what they have recorded in memory, and /metrics answers 503.',
    fix: '<fix>',
  },
  'store-refused': {
    severity: 'broken',
    what: '<message>',
    why: 'Nothing of this project is written or read until that is corrected.',
    fix: '<fix>',
  },
  'redis-version': {
    severity: 'broken',
    what: 'Redis is <version>.',
    why: 'The scripts need 6.2 or later.',
    fix: 'redis-cli INFO server',
  },
  'redis-replica': {
    severity: 'broken',
    what: '<store> is a replica of <master>.',
    why: 'A replica refuses every flush. It is good for `serve`, which only reads.',
    fix: 'export ORCHESTRATOR_REDIS_URL=redis://<master>',
  },
  'redis-write': {
    severity: 'broken',
    what: '<store> refuses to write: <error>',
    why: 'Flushes fail, and their data wait in the memory of each process.',
    fix: 'redis-cli INFO persistence; redis-cli INFO memory',
  },
  'redis-rights': {
    severity: 'broken',
    what: 'The Redis user <user> may not call <commands>.',
    why: 'Flushes or scrapes fail as soon as they need one of them.',
    fix: 'redis-cli ACL SETUSER <user> "~orchestrator:{<prefix>}:*" <rights>',
  },
  'redis-eviction': {
    severity: 'warning',
    what: 'Redis evicts keys when its memory is full: maxmemory-policy is <policy>.',
    why: 'Every key of a project has an expiry, so each policy but noeviction may take it: counters begin from zero.',
    fix: 'redis-cli CONFIG SET maxmemory-policy noeviction',
  },
  'redis-memory': {
    severity: 'warning',
    what: 'Redis uses <percent> % of the memory that it may use (<used> of <limit>).',
    why: 'Without room, writes fail or keys are evicted.',
    fix: 'redis-cli INFO memory; orchestrator projects',
  },
  'redis-slow': {
    severity: 'warning',
    what: 'A round trip to <store> takes <ms> ms.',
    why: 'Each flush and each scrape takes a few of them. Numbers arrive late, and the last flush of a process has 1.4 s.',
    fix: 'redis-cli --latency; redis-cli SLOWLOG GET 10',
  },
  'redis-clock': {
    severity: 'warning',
    what: "Redis' clock is <seconds> s <direction> of this host's.",
    why: 'Ages and start times are by the clock of Redis, and Prometheus compares them with its own.',
    fix: 'timedatectl set-ntp true',
  },
  'prefix-taken': {
    severity: 'broken',
    what: 'The prefix "<prefix>" belongs to the project <owner>; this one is called <project>.',
    why: 'The first project that wrote owns a prefix. Everything of the other one is refused.',
    fix: 'export ORCHESTRATOR_PREFIX=<suggestion>',
  },
  'schema-mismatch': {
    severity: 'broken',
    what: '<message>',
    why: 'Data of another version of this package are refused, not overwritten.',
    fix: 'orchestrator wipe <prefix>',
  },
  'project-unknown': {
    severity: 'warning',
    what: '<store> has no data of the project "<prefix>".',
    why: 'No process has written under this name, or all of it has expired. Perhaps the processes have another name or store.',
    fix: 'orchestrator projects',
  },
  'flush-stale': {
    severity: 'warning',
    what: 'No process of "<prefix>" is alive. The last write was <age> ago.',
    why: 'Its processes are gone, or cannot reach this store. A project of cron jobs looks like this between two runs.',
    fix: 'orchestrator instances <prefix>',
  },
  'series-near-cap': {
    severity: 'warning',
    what: '<metric> has <series> of the <limit> series that it may have.',
    why: 'A label takes too many values: an id, an address, a raw path. What exceeds the limit is summed into one series.',
    fix: 'orchestrator series <prefix> --family "<metric>"',
  },
  'series-over-cap': {
    severity: 'warning',
    what: '<metric> has more series than ORCHESTRATOR_MAX_SERIES (<limit>) allows.',
    why: 'The newest label values are summed in one series with otel_metric_overflow="true".',
    fix: 'orchestrator series <prefix> --family "<metric>"',
  },
  'port-taken': {
    severity: 'broken',
    what: 'Port <port> is held by <holder>.',
    why: 'Nobody serves the metrics of "<prefix>" there; they are stored all the same.',
    fix: 'export OTEL_EXPORTER_PROMETHEUS_PORT=<free>',
  },
  'endpoint-silent': {
    severity: 'broken',
    what: 'Nobody answers at <url>, although <instances> of "<prefix>" run on this host.',
    why: 'Prometheus gets nothing from there.',
    fix: 'orchestrator serve --port <free>',
  },
  'endpoint-fails': {
    severity: 'broken',
    what: '<url> answers <status>: <body>',
    why: 'Prometheus shows the target as down.',
    fix: 'curl -i "<url>"',
  },
  'endpoint-local': {
    severity: 'warning',
    what: 'The endpoint listens on <host>, and this is a container.',
    why: 'No Prometheus outside of the container reaches it.',
    fix: 'export OTEL_EXPORTER_PROMETHEUS_HOST=0.0.0.0',
  },
  'local-folder-unsafe': {
    severity: 'broken',
    what: 'The local store refuses <folder>: <why>.',
    why: 'Someone else could read or forge the metrics. Each process keeps its own numbers meanwhile.',
    fix: '<fix>',
  },
  'local-folder-full': {
    severity: 'broken',
    what: 'The file system of <folder> has <free> left.',
    why: 'The local store cannot write; its data wait in memory.',
    fix: 'df -h <folder>',
  },
  'local-folder-network': {
    severity: 'warning',
    what: '<folder> is on a network file system (<kind>).',
    why: 'The local store is for the processes of one host; files that several hosts write are lost.',
    fix: 'export ORCHESTRATOR_REDIS_URL=redis://127.0.0.1:6379',
  },
} as const;

type Findings = typeof FINDINGS;
export type FindingName = keyof Findings;
export type Severity = 'warning' | 'broken';

export interface FindingEntry {
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** The table as data: for the page and for tests. */
export const FINDING_TABLE: Readonly<Record<FindingName, FindingEntry>> = FINDINGS;

/** Something that is wrong, or may be. */
export interface Finding extends FindingEntry {
  readonly name: FindingName;
}

type ValuesOf<Name extends FindingName> =
  Values<`${Findings[Name]['what']}${Findings[Name]['why']}${Findings[Name]['fix']}`>;

/** A finding of the table with its values. */
export function finding<Name extends FindingName>(name: Name, values: ValuesOf<Name>): Finding {
  const { severity, what, why, fix }: FindingEntry = FINDINGS[name];
  return { name, severity, what: fill(what, values), why: fill(why, values), fix: fill(fix, values) };
}
