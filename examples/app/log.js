'use strict';
// One JSON object per line on stdout. Within a request it carries the ids of its trace, so that Grafana finds the lines of
// a trace, and the trace of a line.

const { isSpanContextValid, trace } = require('@opentelemetry/api');
const pino = require('pino');

function traceIds() {
  const context = trace.getActiveSpan()?.spanContext();
  if (context === undefined || !isSpanContextValid(context)) return {};
  return { trace_id: context.traceId, span_id: context.spanId };
}

exports.log = pino({
  level: process.env.LOG_LEVEL || 'info',
  base: { service: process.env.OTEL_SERVICE_NAME || 'shop', pid: process.pid },
  // `level: "info"` instead of a number: what Loki and people read.
  formatters: { level: (label) => ({ level: label }) },
  timestamp: pino.stdTimeFunctions.isoTime,
  mixin: traceIds,
});
