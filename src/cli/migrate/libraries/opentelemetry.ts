import type { PackageUse } from '../../source/package-use.js';
import { textOf } from '../../source/static-value.js';
import type { MetricMove, Remark } from '../metric-move.js';
import { renamedLabels } from './http-labels.js';
import { placeOf, type Library } from './library.js';

const LEGACY_LABELS = ['http_method', 'http_status_code', 'http_scheme'];

/** Names of HTTP metrics before the semantic conventions were stable; their durations are milliseconds. */
const LEGACY: readonly MetricMove[] = [
  {
    from: 'http_server_duration_milliseconds_count',
    to: 'http_server_request_duration_seconds_count',
    labels: renamedLabels(LEGACY_LABELS),
  },
  ...['_bucket', '_sum'].map((suffix) => ({
    from: `http_server_duration_milliseconds${suffix}`,
    to: `http_server_request_duration_seconds${suffix}`,
    labels: renamedLabels(LEGACY_LABELS),
    rewritable: false,
    note: 'it is in seconds, not milliseconds',
  })),
  {
    from: 'http_client_duration_milliseconds_count',
    to: 'http_client_request_duration_seconds_count',
    labels: renamedLabels(LEGACY_LABELS),
  },
  ...['_bucket', '_sum'].map((suffix) => ({
    from: `http_client_duration_milliseconds${suffix}`,
    to: `http_client_request_duration_seconds${suffix}`,
    labels: renamedLabels(LEGACY_LABELS),
    rewritable: false,
    note: 'it is in seconds, not milliseconds',
  })),
];

/** What a hand-written set-up makes, and what the orchestrator says to it. */
const REMARKS: ReadonlyArray<readonly [member: RegExp, text: string]> = [
  [
    /^NodeSDK$/,
    'This SDK keeps the place that it asks for. Instruments that the application creates stay in it; to have them in the sum as well, add new StoreMetricReader({ store: createStore() }) to its metricReaders.',
  ],
  [
    /^MeterProvider$/,
    'This MeterProvider stays. To have its instruments in the sum as well, add new StoreMetricReader({ store: createStore() }) to its readers.',
  ],
  [
    /^PrometheusExporter$/,
    "Serves this process alone, as before. With the orchestrator's reader in its place, every process answers for all. Its port (9464 by default) is the orchestrator's too: give one of them another one.",
  ],
  [
    /^HostMetrics$/,
    'Host metrics come from the orchestrator now. Remove this when nothing asks for it any more.',
  ],
  [/^HttpInstrumentation$/, 'HTTP metrics come from the orchestrator now. It is still needed for traces.'],
  [/^RuntimeNodeInstrumentation$/, 'Runtime metrics come from the orchestrator now. It can be removed.'],
  [
    /^getNodeAutoInstrumentations$/,
    'HTTP and runtime metrics come from the orchestrator now. It is still needed for traces.',
  ],
];

const INSTRUMENT = /\.create(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)$/;

/** A set-up of OpenTelemetry by hand: an SDK, an exporter, instrumentations. */
export const openTelemetry: Library = {
  title: 'OpenTelemetry by hand',
  packages: [
    /^@opentelemetry\/(?:sdk-node|sdk-metrics|exporter-prometheus|exporter-metrics-otlp-\w+|host-metrics|auto-instrumentations-node)$/,
    /^@opentelemetry\/instrumentation-(?:http|runtime-node)$/,
    '@opentelemetry/api',
  ],
  analyze(uses) {
    const isSetUp = uses.some(({ packageName }) => packageName !== '@opentelemetry/api');
    return {
      moves: [...instruments(uses), ...(isSetUp ? LEGACY : [])],
      remarks: uses.flatMap(remarksOf),
      settings: {},
    };
  },
};

function remarksOf(use: PackageUse): Remark[] {
  const text = REMARKS.find(([member]) => member.test(use.member))?.[1];
  return text === undefined ? [] : [{ place: placeOf(use), text }];
}

/** Instruments of the API keep their names. */
function instruments(uses: readonly PackageUse[]): MetricMove[] {
  return uses
    .filter(({ packageName, member }) => packageName === '@opentelemetry/api' && INSTRUMENT.test(member))
    .flatMap((use) => {
      const name = textOf(use.call.arguments[0], use.constants);
      return name === undefined ? [] : [{ from: name, to: name, place: placeOf(use) }];
    });
}
