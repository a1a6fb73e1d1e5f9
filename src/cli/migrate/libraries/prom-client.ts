import type { PackageUse } from '../../source/package-use.js';
import { objectOf, propertyOf, textOf, textsOf } from '../../source/static-value.js';
import type { MetricMove, Remark } from '../metric-move.js';
import { durationMove, renamedLabels } from './http-labels.js';
import { placeOf, type Library, type LibraryFindings } from './library.js';
import { defaultMetricMoves } from './prom-client-defaults.js';

const METRIC = /^(?:Counter|Gauge|Histogram|Summary)$/;

/** Hand-written measurements of what we measure too. */
const HTTP_DURATION = /^(?:\w+_)?http_(?:server_)?requests?_(?:duration|latency)_seconds$/;
const HTTP_COUNT = /^(?:\w+_)?http_(?:server_)?requests_total$/;
const HTTP_MILLISECONDS = /^(?:\w+_)?http_(?:server_)?requests?_(?:duration|latency)_(?:ms|milliseconds)$/;

const REMARKS: Readonly<Record<string, string>> = {
  collectDefaultMetrics:
    'Runtime metrics come from the orchestrator now. Remove this call when nothing asks for the old names any more.',
  'register.metrics':
    "Serves the application's own metrics, of this process alone, as before. HTTP and runtime metrics are at the orchestrator's endpoint.",
  AggregatorRegistry:
    'Adds up the workers of one host for prom-client. The orchestrator needs nothing like it; it stays for the metrics of prom-client.',
  Pushgateway:
    'Goes on pushing the metrics of prom-client. What the orchestrator measures is in the store when the process ends and needs no push.',
};

/** prom-client: its own metrics stay where they are; those that the orchestrator has as well are listed with their new name. */
export const promClient: Library = {
  title: 'prom-client',
  packages: ['prom-client'],
  analyze(uses) {
    const moves: MetricMove[] = [];
    const remarks: Remark[] = [];
    for (const use of uses) {
      if (METRIC.test(use.member) && use.call.type === 'NewExpression') addMetric(use, moves, remarks);
      const prefix = use.member === 'collectDefaultMetrics' ? prefixOf(use) : undefined;
      if (prefix !== undefined) moves.push(...defaultMetricMoves(prefix));
      const text = REMARKS[use.member.replace(/^(?:globalRegistry|register)\./, 'register.')];
      if (text !== undefined) remarks.push({ place: placeOf(use), text });
    }
    return { moves, remarks, settings: {} } satisfies LibraryFindings;
  },
};

function prefixOf({ call, constants }: PackageUse): string {
  const [options] = call.arguments;
  return textOf(propertyOf(objectOf(options, constants), 'prefix'), constants) ?? '';
}

function addMetric(use: PackageUse, moves: MetricMove[], remarks: Remark[]): void {
  const [first, , third] = use.call.arguments;
  const options = objectOf(first, use.constants);
  // Before version 10: new Counter(name, help, labels).
  const name = textOf(options === undefined ? first : propertyOf(options, 'name'), use.constants);
  const labelNode = options === undefined ? third : propertyOf(options, 'labelNames');
  const labels = textsOf(labelNode ?? undefined, use.constants) ?? [];
  const place = placeOf(use);
  if (name === undefined) {
    const text = `The name of this ${use.member} is computed when it runs. It stays as it is.`;
    remarks.push({ place, text });
    return;
  }
  const move = httpMove(name, use.member, labels) ?? { from: name, to: name };
  moves.push({ ...move, place });
}

function httpMove(name: string, type: string, labels: readonly string[]): MetricMove | undefined {
  if (HTTP_DURATION.test(name) && type === 'Histogram') return durationMove(name, labels, undefined);
  if (HTTP_COUNT.test(name) && type === 'Counter')
    return { from: name, to: 'http_server_request_duration_seconds_count', labels: renamedLabels(labels) };
  if (HTTP_MILLISECONDS.test(name) && type === 'Histogram') {
    const note = 'it is in seconds, not milliseconds';
    return { ...durationMove(name, labels, undefined), rewritable: false, note };
  }
  return undefined;
}
