import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';

import { isOwnCommand } from '../../own-traffic/own-traffic.js';
import type { BindableHistogram } from '../meter/bound-meter.js';
import { guarded } from '../guarded-listener.js';
import type { Instrumentation } from '../instrumentation.js';
import { type DatabaseTarget, OperationSeries, OTHER_OPERATION } from './operation-series.js';
import { sqlVerb } from './sql-verb.js';

const STARTED: unique symbol = Symbol('orchestrator.started');
const NOT_COUNTED = 'a command of a database is not measured';

/** The message that a driver publishes with each command. The drivers use the same names for the same things. */
interface CommandContext extends DatabaseTarget {
  /** Set by Node when the command has failed. */
  readonly error?: unknown;
  /** The statement, of mysql2. */
  readonly query?: unknown;
  /** The name of the command, of Redis, in any case. */
  readonly command?: string;
  /** Only the arguments that ioredis and redis take for harmless, as text. */
  readonly args?: readonly string[];
  /** `MULTI` or `PIPELINE`, of redis. */
  readonly batchMode?: string;
  [STARTED]?: number | undefined;
}

export interface Driver {
  /** `db.system.name`. */
  readonly system: string;
  /** Node's TracingChannels on which it publishes. */
  readonly channels: readonly string[];
  /** `db.operation.name` in any case; undefined: not counted. */
  readonly operation: (context: CommandContext) => string | undefined;
  /** Listening changes how the application sees its own errors, so it has to be asked for. */
  readonly optIn?: true;
}

/** Drivers that publish their commands by themselves: mysql2 since 3.20, ioredis since 5.11, redis since 5.12. */
export const PUBLISHING_DRIVERS: Readonly<Record<string, Driver>> = {
  mysql2: {
    system: 'mysql',
    channels: ['mysql2:query', 'mysql2:execute'],
    operation: ({ query }) => sqlVerb(query),
  },
  ioredis: {
    system: 'redis',
    channels: ['ioredis:command'],
    operation: ioredisOperation,
    // While somebody listens, a failed command whose promise nobody handles is no `unhandledRejection` any more.
    optIn: true,
  },
  redis: {
    system: 'redis',
    channels: ['node-redis:command', 'node-redis:batch'],
    // Commands of a pipeline are published one by one, those of a transaction only together.
    operation: ({ command, batchMode }) => command ?? (batchMode === 'MULTI' ? batchMode : undefined),
  },
};

/** Measures every command that a driver publishes. Nothing is patched, so ESM and CommonJS applications are alike. */
export function instrumentDriver(driver: Driver, duration: BindableHistogram): Instrumentation {
  return new DriverCommands(driver, duration);
}

class DriverCommands implements Instrumentation {
  readonly #driver: Driver;
  readonly #series: OperationSeries;
  readonly #onStart = guarded(NOT_COUNTED, (message) => {
    if (!isOwnCommand()) (message as CommandContext)[STARTED] = performance.now();
  });
  readonly #onAnswer = guarded(NOT_COUNTED, (message) => this.#finish(message as CommandContext));

  constructor(driver: Driver, duration: BindableHistogram) {
    this.#driver = driver;
    this.#series = new OperationSeries(driver.system, duration);
    for (const channel of driver.channels) {
      subscribe(`tracing:${channel}:start`, this.#onStart);
      // `asyncEnd` comes after the application's callback has run.
      subscribe(`tracing:${channel}:asyncStart`, this.#onAnswer);
    }
  }

  stop(): void {
    for (const channel of this.#driver.channels) {
      unsubscribe(`tracing:${channel}:start`, this.#onStart);
      unsubscribe(`tracing:${channel}:asyncStart`, this.#onAnswer);
    }
  }

  #finish(context: CommandContext): void {
    const started = context[STARTED];
    if (started === undefined) return;
    context[STARTED] = undefined;
    const operation = this.#driver.operation(context);
    if (operation === undefined) return;
    const seconds = (performance.now() - started) / 1000;
    const failure = context.error === undefined ? undefined : errorTypeOf(context.error);
    this.#series.find(context, operation, failure).record(seconds);
  }
}

/** Leaves out how ioredis introduces itself to each server: older servers refuse that, and it would look like a failure of the application. */
function ioredisOperation({ command, args }: CommandContext): string | undefined {
  const isGreeting = command === 'hello' || (command === 'client' && args?.[0] === 'SETINFO');
  return isGreeting ? undefined : command;
}

/** The error's code (`ER_DUP_ENTRY`, `ECONNRESET`), the first word of an answer of Redis (`WRONGTYPE`), or its class. */
function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return OTHER_OPERATION;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return /^[A-Z]{2,}(?= )/.exec(error.message)?.[0] ?? error.constructor.name;
}
