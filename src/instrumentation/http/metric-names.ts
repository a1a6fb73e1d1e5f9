/** `semconv`: OpenTelemetry's stable names. `prometheus-net`: those of prometheus-net, for dashboards shared with .NET and PHP. */
export const HTTP_METRIC_NAMES = ['semconv', 'prometheus-net'] as const;
export type HttpMetricNames = (typeof HTTP_METRIC_NAMES)[number];
