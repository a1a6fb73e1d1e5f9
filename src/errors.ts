/**
 * Every error of this package: a stable `code`, and a message that says what was given, what is allowed, and which setting
 * to change. `docs/errors.md` is written from this table. `<name>` in a message stands for a value.
 */
const ERRORS = {
  ORCHESTRATOR_INVALID_SETTING: {
    summary: 'A setting or option has a value that is not allowed.',
    causes:
      'An option of `start()` that is not allowed or does not exist; a name without any of a-z, 0-9; a TLS file that cannot be read; `ORCHESTRATOR_REDIS_MODE` without `ORCHESTRATOR_REDIS_NODES`; a password, user, TLS file or other setting of Redis without an address. Thrown by `start()`. Under the preload it is one warning, and the application runs without metrics.',
    remedy:
      'The message names the setting and says what is allowed. [configuration.md](configuration.md) lists all settings.',
    messages: {
      option: 'Option <option>: <value> is not allowed. Allowed: <allowed>.',
      unknownOption: 'Option <option> does not exist. The nearest one is <nearest>.',
      prefix: 'The name <value> cannot be a prefix: it has none of a-z, 0-9. Set ORCHESTRATOR_PREFIX.',
      modeWithoutNodes:
        'ORCHESTRATOR_REDIS_MODE=<mode> needs ORCHESTRATOR_REDIS_NODES, for example 10.0.0.1:<port>,10.0.0.2:<port>.',
      nodesWithoutMode:
        'ORCHESTRATOR_REDIS_NODES needs ORCHESTRATOR_REDIS_MODE=sentinel or cluster. For a single server set ORCHESTRATOR_REDIS_URL.',
      withoutAddress:
        '<setting> needs the address of a Redis: set ORCHESTRATOR_REDIS_URL, for example redis://127.0.0.1:6379, or ORCHESTRATOR_STORE=redis for that one.',
      unreadableFile: '<setting>=<file> cannot be read: <error>',
      tlsIncomplete:
        '<setting> is not set. The metrics server needs ORCHESTRATOR_METRICS_TLS_CERT and ORCHESTRATOR_METRICS_TLS_KEY for TLS, and TLS for ORCHESTRATOR_METRICS_CLIENT_CA.',
      certificate: '<settings>: what the files hold cannot be used: <error>',
    },
  },
  ORCHESTRATOR_ALREADY_STARTED: {
    summary: 'start() was called a second time in one process.',
    causes: 'The preload and `start()` in one process, or `start()` twice. Thrown by `start()`.',
    remedy: 'Remove one of the two.',
    messages: {
      twice: 'The orchestrator runs in this process already. Remove start(), or the preload.',
    },
  },
  ORCHESTRATOR_NOT_RUNNING: {
    summary: 'The orchestrator does not run in this process.',
    causes:
      '`collectMetrics()` was called where nothing runs: `ORCHESTRATOR_ENABLED=false`, no preload and no `start()`, after `shutdown()`, or `OTEL_METRICS_EXPORTER` without `orchestrator`. `metricsHandler()` answers 503 with the same words.',
    remedy: 'Start the orchestrator first, or ask only where it runs.',
    messages: {
      absent:
        'The orchestrator does not run in this process: it is disabled, was not started, or was shut down.',
    },
  },
  ORCHESTRATOR_PREFIX_TAKEN: {
    summary: 'Another project with a different name uses the same key prefix.',
    causes:
      'Two projects whose names differ but become the same key: `My Shop` and `my_shop` are both `my_shop`. The first one that wrote owns the prefix; all others are refused, in writing and in reading, and change nothing.',
    remedy:
      'Give one of them another `ORCHESTRATOR_PREFIX`. If a project was renamed: wipe the old data first, see [operations.md](operations.md#wiping).',
    messages: {
      owned:
        'The prefix "<prefix>" belongs to the project <owner>; this project is <project>. Give one of them another ORCHESTRATOR_PREFIX.',
    },
  },
  ORCHESTRATOR_SCHEMA_MISMATCH: {
    summary: 'The store holds data written by another version of this package.',
    causes:
      'The data under this prefix were written by a version of this package that stores them in another shape.',
    remedy:
      'Run one version per prefix. To change over at once, use another prefix, or delete the old data: see [operations.md](operations.md#upgrading). Nothing is overwritten meanwhile.',
    messages: {
      project:
        'The data of the project "<prefix>" have schema <found>, this version has <expected>. Use another ORCHESTRATOR_PREFIX, or delete the old data.',
      local:
        'The local store holds data of schema version <found>; this version of the package reads <expected>. Run one version of the package on a host, or give the other one its own ORCHESTRATOR_PREFIX or ORCHESTRATOR_LOCAL_DIR.',
    },
  },
  ORCHESTRATOR_STORE_UNAVAILABLE: {
    summary: 'The store cannot be reached or does not answer.',
    causes:
      "The store is down, unreachable, loading, full, read-only or slow: no answer within `OTEL_METRIC_EXPORT_TIMEOUT`, and never longer than 5 s. The message is the store's own.",
    remedy:
      'No action is needed in the application: the recorded values wait in memory and are sent once, when the store answers. Meanwhile `/metrics` answers 503 and `/readyz` says why.',
    messages: {
      redis: '<store>: <error>.',
      unknownHost:
        '<store>: <error>. Check the host name in ORCHESTRATOR_REDIS_URL or ORCHESTRATOR_REDIS_NODES.',
      noAnswer: '<store>: no answer within <ms> ms.',
      forgetful: '<store> forgets what was just written.',
      local: 'The local store (<store>) does not work at the moment: <error>.',
      notRead: 'The store was not read within <ms> ms.',
      nonsense: '<store> gave an answer that makes no sense for <command>. The connection is opened anew.',
      noReason: 'The store failed without a reason.',
    },
  },
  ORCHESTRATOR_STORE_REFUSED: {
    summary: 'The store rejected the request, and retrying alone will not help.',
    causes:
      'Redis: wrong user or password, or an ACL user without the rights that are needed. Local store: a folder that cannot be written, is a link, or belongs to someone else.',
    remedy:
      'Check the settings that the message names. The exact rights in Redis are in [security.md](security.md#redis). It is tried again with every flush, so that a corrected ACL is enough.',
    messages: {
      login:
        '<store>: <error>. Check user and password in ORCHESTRATOR_REDIS_URL, or ORCHESTRATOR_REDIS_USERNAME and ORCHESTRATOR_REDIS_PASSWORD.',
      sentinelLogin:
        'The sentinel <host>:<port>: <error>. Check ORCHESTRATOR_REDIS_SENTINEL_USERNAME and ORCHESTRATOR_REDIS_SENTINEL_PASSWORD.',
      database: '<store>: <error>. Check the number of the database in ORCHESTRATOR_REDIS_URL.',
      certificate:
        '<store>: <error>. Check ORCHESTRATOR_REDIS_TLS_CA, and ORCHESTRATOR_REDIS_TLS_CERT and ORCHESTRATOR_REDIS_TLS_KEY if the server asks for them. For a certificate with another name set ORCHESTRATOR_REDIS_TLS_SERVERNAME; for one that a service signs itself and does not publish, ORCHESTRATOR_REDIS_TLS_VERIFY=false.',
      keyType: '<store>: <error>. Delete the key that something else has written.',
      rights:
        '<store>: <error>. The ACL user needs the keys ~orchestrator:{prefix}:* and the commands of docs/security.md.',
      list: '<store> does not let this user read the list of projects. Grant %R~orchestrator:projects, or name the projects.',
      script: 'Unexpected answer of the <script> script: <answer>.',
      unusableFolder:
        'The local store cannot use <folder>: <error>. Set ORCHESTRATOR_LOCAL_DIR to a folder that this user may write to.',
      unsafeFolder:
        'The local store refuses <folder>: <why>. Remove it, or set ORCHESTRATOR_LOCAL_DIR to another folder.',
    },
  },
  ORCHESTRATOR_STORE_CLOSED: {
    summary: 'The store was closed.',
    causes: 'The store was used after `shutdown()`.',
    remedy: 'Record and flush before `shutdown()`.',
    messages: { closed: 'The <kind> store was closed.' },
  },
} as const;

type Errors = typeof ERRORS;

/** A code never changes its meaning. New ones may come. */
export type ErrorCode = keyof Errors;

/** What a reader of `docs/errors.md` wants to know about one code. */
export interface ErrorEntry {
  readonly summary: string;
  readonly causes: string;
  readonly remedy: string;
  /** By what goes wrong, with `<name>` for what is filled in. */
  readonly messages: Readonly<Record<string, string>>;
}

/** The table as data: for the page and for tests. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorEntry>> = ERRORS;

/** Every code of an {@link OrchestratorError}, with one sentence about it. */
export const ERROR_CODES: Readonly<Record<ErrorCode, string>> = Object.fromEntries(
  Object.entries(ERRORS).map(([code, { summary }]) => [code, summary]),
) as Record<ErrorCode, string>;

const BRAND = Symbol.for('@org/orchestrator/error');

/**
 * Every error that leaves this package. `code` is stable and part of the API; the message may change. `instanceof` holds for
 * errors of any copy of the package that is loaded.
 *
 * @example
 * ```ts
 * if (error instanceof OrchestratorError && error.code === 'ORCHESTRATOR_NOT_RUNNING') return reply.code(503).send();
 * ```
 */
export class OrchestratorError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  override get name(): string {
    return 'OrchestratorError';
  }

  /** True for an error of any copy of this package that is loaded. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** Makes an error of the table: `orchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed', { kind: 'local' })`. */
export function orchestratorError<Code extends ErrorCode, Message extends keyof Errors[Code]['messages']>(
  code: Code,
  message: Message,
  values: Values<Errors[Code]['messages'][Message]>,
  options?: ErrorOptions,
): OrchestratorError {
  const { messages }: ErrorEntry = ERRORS[code];
  return new OrchestratorError(code, fill(messages[message as string] ?? '', values), options);
}

type Placeholder<Template> = Template extends `${string}<${infer Name}>${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

/** What a message needs: `<error>` takes anything that was thrown, the others take text and numbers. */
export type Values<Template> = {
  readonly [Name in Placeholder<Template>]: Name extends 'error' ? unknown : string | number;
};

/** The message with its values. */
export function fill(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/<(\w+)>/g, (_all, name: string) =>
    name === 'error' ? reason(values[name]) : cut(String(values[name])),
  );
}

/** The message of anything that was thrown, in one line of sane length: a server may have written it. */
export function reason(error: unknown): string {
  return cut(
    text(error)
      .slice(0, 2 * MAX_LENGTH)
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
}

/** Characters of what a server, a file or a variable gave. A message of our own with one of them in it is shorter. */
const MAX_LENGTH = 2000;

function cut(given: string): string {
  return given.length > MAX_LENGTH ? `${given.slice(0, MAX_LENGTH).toWellFormed()}…` : given;
}

function text(error: unknown): string {
  // A name that resolves to several addresses, none of which answers, fails with an error without a message.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(text).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
