import { inspect } from 'node:util';

import { diag, DiagLogLevel } from '@opentelemetry/api';

import type { Warn } from './warnings.js';

/** The values of OTEL_LOG_LEVEL, from silent to everything. */
export const LOG_LEVELS = ['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether `level` lets lines of `wanted` through. */
function includes(level: LogLevel, wanted: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
}

export interface Log {
  readonly warn: Warn;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

/**
 * @param hide takes out of a line what must not be printed
 * @param print where lines go. Default: stderr
 */
export function createLog(
  level: LogLevel,
  hide: (line: string) => string = (line) => line,
  print: (line: string) => void = toStderr,
): Log {
  const write = (line: string): void => print(hide(line));
  const at = (wanted: 'warn' | 'info' | 'debug', line: Warn): Warn =>
    includes(level, wanted) ? line : () => undefined;
  return {
    // The code comes first, as in Node's own warnings: a message is as long as it needs to be.
    warn: at('warn', (message, code) => write(warningLine(message, code))),
    info: at('info', (message) => write(`[orchestrator] ${message}\n`)),
    debug: at('debug', (message) => write(`[orchestrator] debug: ${message}\n`)),
  };
}

/** How a warning looks on stderr; its code is a heading of `docs/errors.md`. */
export function warningLine(...[message, code]: Parameters<Warn>): string {
  return `[orchestrator] ${code === undefined ? '' : `${code} `}warn: ${message}\n`;
}

function toStderr(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // A closed stderr is the application's choice; there is nowhere left to say so.
  }
}

const DIAG_LEVELS: Readonly<Record<LogLevel, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.ALL,
  all: DiagLogLevel.ALL,
};

/**
 * OpenTelemetry's own diagnostics go the same way, from `debug` on: it repeats at every interval what is said here once.
 *
 * @param areWanted at every level: a level is set, and traces or logs are exported by OpenTelemetry, as it would do by itself
 */
export function logDiagnostics(level: LogLevel, log: Log, areWanted: boolean): void {
  const isDebugging = includes(level, 'debug');
  if (!isDebugging && !areWanted) return;
  const say = isDebugging ? log.debug : log.warn;
  const line = (message: string, ...args: unknown[]): void =>
    say([message, ...args.map((arg) => inspect(arg))].join(' '));
  diag.setLogger(
    { error: line, warn: line, info: line, debug: line, verbose: line },
    { logLevel: DIAG_LEVELS[level], suppressOverrideMessage: true },
  );
}
