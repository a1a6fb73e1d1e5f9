/** One measurement: what a writer is told to record. */
export interface Item {
  readonly kind: Kind;
  /** OpenTelemetry's name of the instrument. */
  readonly name: string;
  readonly label: string;
  readonly value: number;
}

export type Kind = 'count' | 'size' | 'latency' | 'open' | 'seen' | 'queue' | 'temperature' | 'gauge';

export const GAUGE_MODES = ['sum', 'min', 'max', 'avg', 'last', 'instance', 'keep'] as const;
export type Mode = (typeof GAUGE_MODES)[number];

/** The boundaries of `faults.size`. */
export const BOUNDARIES: readonly number[] = [1, 5, 10];

/** The instruments by kind; `latency` is an exponential histogram, of the writers that have its view. */
export const NAMES: Readonly<Record<Exclude<Kind, 'gauge'>, string>> = {
  count: 'faults.count',
  size: 'faults.size',
  latency: 'faults.latency',
  open: 'faults.open',
  seen: 'faults.seen',
  queue: 'faults.queue',
  temperature: 'faults.temperature',
};

export const gaugeName = (mode: Mode): string => `faults.gauge.${mode}`;

/** How the values of several writers become one: ORCHESTRATOR_GAUGE_AGGREGATION. */
export const AGGREGATION: string = [
  ...GAUGE_MODES.map((mode) => `${gaugeName(mode)}=${mode}`),
  `${NAMES.temperature}=max`,
].join(',');

/** As Prometheus sees it. */
export function exposedName(name: string, suffix = ''): string {
  return `${name.replaceAll('.', '_')}${suffix}`;
}
