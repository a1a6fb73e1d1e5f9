import { isSpanContextValid, trace } from '@opentelemetry/api';
import pino, { type DestinationStream, type Logger } from 'pino';

import type { Settings } from '../settings/read-settings.js';

export type Log = Logger;

/** Never in a log line, wherever an object that has them is logged. */
const SECRETS = ['authorization', 'cookie', '"set-cookie"', '"x-api-key"', '"proxy-authorization"'];
const REDACT = SECRETS.flatMap((name) => {
  const key = name.startsWith('"') ? `[${name}]` : `.${name}`;
  return [`req.headers${key}`, `res.headers${key}`, `headers${key}`];
});

/**
 * One JSON object a line on stdout, which Filebeat, Promtail and Alloy read as it is; and in a rotated file, if LOG_FILE is set.
 * Within a request, lines carry the ids of its trace.
 */
export function createLog(settings: Settings): Log {
  const { appName, appEnv, logLevel, logFile } = settings;
  const options = {
    level: logLevel,
    base: { service: appName, env: appEnv, pid: process.pid },
    // `level: "info"` instead of a number: what Loki, Elasticsearch and people read.
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...REDACT, 'payload.card', 'payload.password'], censor: '[redacted]' },
    mixin: traceIds,
  };
  if (logFile === '') return pino(options);
  return pino(
    options,
    pino.multistream([
      { level: 'trace', stream: process.stdout },
      { level: 'trace', stream: rotated(settings) },
    ]),
  );
}

/** A worker thread writes the file, so that a slow disk does not hold a request. */
function rotated({ logFile, logRotateMb, logRotateKeep }: Settings): DestinationStream {
  const [, base = logFile, extension = '.log'] = /^(.*?)(\.[^./]+)?$/.exec(logFile) ?? [];
  return pino.transport({
    target: 'pino-roll',
    options: {
      file: base,
      extension,
      size: `${logRotateMb}m`,
      frequency: 'daily',
      mkdir: true,
      limit: { count: logRotateKeep },
    },
  }) as DestinationStream;
}

function traceIds(): object {
  const context = trace.getActiveSpan()?.spanContext();
  if (context === undefined || !isSpanContextValid(context)) return {};
  return { trace_id: context.traceId, span_id: context.spanId };
}
