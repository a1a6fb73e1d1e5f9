import type { PackageUse } from '../../source/package-use.js';
import { objectOf, propertyOf, textOf, textsOf } from '../../source/static-value.js';
import type { MetricMove } from '../metric-move.js';
import { bucketsSetting, durationMove, renamedLabels } from './http-labels.js';
import { placeOf, type Library, type LibraryFindings } from './library.js';
import { defaultMetricMoves } from './prom-client-defaults.js';

/** The buckets of prometheus-api-metrics when the application names none. */
const DEFAULT_BUCKETS = [0.001, 0.005, 0.015, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5];

const LABELS = ['method', 'route', 'code'];

const REMARK =
  'HTTP and runtime metrics come from the orchestrator now. Remove this middleware when nothing asks for the old names any more; app_version is the label service_version of target_info.';

/** prometheus-api-metrics: duration and sizes of requests, default metrics of prom-client, `app_version`. */
export const prometheusApiMetrics: Library = {
  title: 'prometheus-api-metrics',
  packages: ['prometheus-api-metrics'],
  analyze(uses) {
    const calls = uses.filter(({ member }) => /^(?:koaMiddleware|expressMiddleware)?$/.test(member));
    const findings = calls.map(analyzeCall);
    return {
      moves: findings.flatMap(({ moves }) => moves),
      remarks: [
        ...calls.map((use) => ({ place: placeOf(use), text: REMARK })),
        ...uses
          .filter(({ member }) => member.startsWith('HttpMetricsCollector'))
          .map((use) => ({
            place: placeOf(use),
            text: 'Outgoing requests are measured by the orchestrator: http_client_request_duration_seconds.',
          })),
      ],
      settings: Object.assign({}, ...findings.map(({ settings }) => settings)) as Record<string, string>,
    };
  },
};

function analyzeCall(use: PackageUse): Pick<LibraryFindings, 'moves' | 'settings'> {
  const { constants, call } = use;
  const options = objectOf(call.arguments[0], constants);
  const own = textOf(propertyOf(options, 'metricsPrefix'), constants);
  const prefix = own === undefined ? '' : `${own}_`;
  const named = propertyOf(options, 'durationBuckets');
  const buckets = named === undefined ? DEFAULT_BUCKETS : bucketsSetting(textsOf(named, constants));
  const place = placeOf(use);
  const size = (direction: string): MetricMove => ({
    from: `${prefix}http_${direction}_size_bytes`,
    to: `http_server_${direction}_body_size_bytes`,
    histogram: true,
    labels: renamedLabels(LABELS),
    boundaries: [],
    place,
  });
  const duration = durationMove(`${prefix}http_request_duration_seconds`, LABELS, buckets);
  const note = 'target_info has service_version';
  const appVersion: MetricMove = { from: `${prefix}app_version`, to: undefined, note, place };
  return {
    moves: [
      { ...duration, place },
      size('request'),
      size('response'),
      appVersion,
      ...defaultMetricMoves(prefix),
    ],
    settings: {
      ORCHESTRATOR_HTTP_BODY_SIZES: 'true',
      ...(buckets !== undefined && { ORCHESTRATOR_HTTP_BUCKETS: buckets.join(',') }),
    },
  };
}
