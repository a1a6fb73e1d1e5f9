import type { MetricMove } from '../metric-move.js';

/** Upper boundaries of `http_server_request_duration_seconds`, unless ORCHESTRATOR_HTTP_BUCKETS says otherwise. */
const SEMCONV_BOUNDARIES = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

/** Names that hand-written and packaged HTTP metrics give to what the semantic conventions call otherwise. */
const LABELS: Readonly<Record<string, string>> = {
  method: 'http_request_method',
  http_method: 'http_request_method',
  verb: 'http_request_method',
  route: 'http_route',
  path: 'http_route',
  handler: 'http_route',
  endpoint: 'http_route',
  uri: 'http_route',
  code: 'http_response_status_code',
  status: 'http_response_status_code',
  status_code: 'http_response_status_code',
  statusCode: 'http_response_status_code',
  statuscode: 'http_response_status_code',
  http_status_code: 'http_response_status_code',
  scheme: 'url_scheme',
  http_scheme: 'url_scheme',
};

/** Those of the labels that have another name at our endpoint. */
export function renamedLabels(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.flatMap((label) => {
      const now = LABELS[label];
      return now === undefined || now === label ? [] : [[label, now]];
    }),
  );
}

/** A histogram of the duration of requests in seconds, and what becomes of it. */
export function durationMove(
  from: string,
  labels: readonly string[],
  buckets: readonly number[] | undefined,
): MetricMove {
  return {
    from,
    to: 'http_server_request_duration_seconds',
    histogram: true,
    labels: renamedLabels(labels),
    boundaries: buckets ?? SEMCONV_BOUNDARIES,
  };
}

/** The buckets as a setting takes them; undefined for ones that it refuses. */
export function bucketsSetting(texts: readonly string[] | undefined): readonly number[] | undefined {
  const numbers = texts?.map(Number);
  const isAscending = numbers?.every(
    (number, index) => Number.isFinite(number) && number > (numbers[index - 1] ?? 0),
  );
  return numbers !== undefined && numbers.length > 0 && isAscending === true ? numbers : undefined;
}
