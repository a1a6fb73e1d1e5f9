import { context, createContextKey } from '@opentelemetry/api';

/** As `suppressTracing` of @opentelemetry/core has it, which exporters of the SDK send under. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Whether requests that begin now are those of OTLP exporters, while there are traces. They are not the application's. */
export function isExporting(): boolean {
  return context.active().getValue(SUPPRESS_TRACING) === true;
}
