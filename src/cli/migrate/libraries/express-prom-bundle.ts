import type { ObjectExpression } from '@babel/types';

import type { PackageUse } from '../../source/package-use.js';
import { objectOf, propertyOf, textOf, textsOf, type Constants } from '../../source/static-value.js';
import type { MetricMove } from '../metric-move.js';
import { bucketsSetting, durationMove } from './http-labels.js';
import { placeOf, type Library, type LibraryFindings } from './library.js';
import { defaultMetricMoves } from './prom-client-defaults.js';

/** The buckets of express-prom-bundle when the application names none. */
const DEFAULT_BUCKETS = [0.003, 0.03, 0.1, 0.3, 1.5, 10];

const REMARK =
  'HTTP metrics come from the orchestrator now. Remove this middleware when nothing asks for the old names any more, and serve the metrics of prom-client by register.metrics() if the application has some of its own.';

/** express-prom-bundle: one histogram of requests by status, and by method and path if wanted. */
export const expressPromBundle: Library = {
  title: 'express-prom-bundle',
  packages: ['express-prom-bundle'],
  analyze(uses) {
    const calls = uses.filter(({ member }) => member === '');
    const findings = calls.map(analyzeCall);
    return {
      moves: findings.flatMap(({ moves }) => moves),
      remarks: calls.map((use) => ({ place: placeOf(use), text: REMARK })),
      settings: Object.assign({}, ...findings.map(({ settings }) => settings)) as Record<string, string>,
    };
  },
};

function analyzeCall(use: PackageUse): Pick<LibraryFindings, 'moves' | 'settings'> {
  const { constants, call } = use;
  const options = objectOf(call.arguments[0], constants);
  const name =
    textOf(propertyOf(options, 'httpDurationMetricName'), constants) ?? 'http_request_duration_seconds';
  const labels = [
    'status_code',
    ...(isOn(options, 'includeMethod') ? ['method'] : []),
    ...(isOn(options, 'includePath') ? ['path'] : []),
  ];
  const named = propertyOf(options, 'buckets');
  const buckets = named === undefined ? DEFAULT_BUCKETS : bucketsSetting(textsOf(named, constants));
  const place = placeOf(use);
  const isSummary = textOf(propertyOf(options, 'metricType'), constants) === 'summary';
  const duration: MetricMove = {
    ...durationMove(name, labels, buckets),
    ...losses(options, isSummary),
    place,
  };
  return {
    moves: [duration, ...defaultMoves(options, constants)],
    settings: buckets === undefined ? {} : { ORCHESTRATOR_HTTP_BUCKETS: buckets.join(',') },
  };
}

/** What the new metric cannot show. */
function losses(options: ObjectExpression | undefined, isSummary: boolean): Partial<MetricMove> {
  if (isSummary)
    return { rewritable: false, note: 'a histogram: histogram_quantile() instead of the label quantile' };
  const custom = propertyOf(options, 'customLabels');
  if (custom?.type !== 'ObjectExpression' || custom.properties.length === 0) return {};
  return { note: 'the custom labels are not there; record a metric of your own for them' };
}

function isOn(options: ObjectExpression | undefined, name: string): boolean {
  const value = propertyOf(options, name);
  // Something computed may be true, and a label that is not there does no harm.
  return value !== undefined && !(value.type === 'BooleanLiteral' && !value.value);
}

function defaultMoves(options: ObjectExpression | undefined, constants: Constants): MetricMove[] {
  const client = objectOf(propertyOf(options, 'promClient'), constants);
  const defaults = propertyOf(client, 'collectDefaultMetrics');
  if (defaults === undefined) return [];
  return defaultMetricMoves(textOf(propertyOf(objectOf(defaults, constants), 'prefix'), constants));
}
