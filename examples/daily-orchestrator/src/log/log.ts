import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { pino, type Logger } from 'pino';
import { createStream } from 'rotating-file-stream';

import type { Settings } from '../settings/settings.js';

export type Log = Logger;

type LogSettings = Pick<Settings, 'LOG_LEVEL' | 'LOG_DIR' | 'LOG_ROTATION' | 'LOG_FILES'>;

/**
 * A log of the process `name`: all of it in `<name>.log` and on stdout, errors in `<name>-error.log` as well. Both files are
 * rotated and compressed. Each process has files of its own, since two cannot rotate the same one.
 *
 * @param screen false where stdout belongs to something else: progress bars, a table
 */
export function createLog(name: string, settings: LogSettings, screen = true): Log {
  mkdirSync(settings.LOG_DIR, { recursive: true });
  const streams = [
    { level: settings.LOG_LEVEL, stream: rotated(`${name}.log`, settings) },
    { level: 'error' as const, stream: rotated(`${name}-error.log`, settings) },
  ];
  return pino(
    {
      level: settings.LOG_LEVEL,
      base: { process: name, pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.multistream([
      ...streams,
      ...(screen ? [{ level: settings.LOG_LEVEL, stream: process.stdout }] : []),
    ]),
  );
}

function rotated(file: string, { LOG_DIR, LOG_ROTATION, LOG_FILES }: LogSettings): NodeJS.WritableStream {
  const when = /[BKMG]$/.test(LOG_ROTATION)
    ? { size: LOG_ROTATION as `${number}M` }
    : { interval: LOG_ROTATION as `${number}d`, intervalUTC: true };
  const stream = createStream(file, { ...when, path: LOG_DIR, maxFiles: LOG_FILES, compress: 'gzip' });
  // A full disk costs the log, not the workflow.
  stream.on('error', (error) => process.stderr.write(`${join(LOG_DIR, file)}: ${error.message}\n`));
  return stream;
}

/** A log that goes nowhere, for commands that print a table. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
