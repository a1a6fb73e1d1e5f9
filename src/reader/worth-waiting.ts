import type { DeltaBatch } from '../model/delta-batch.js';

/** Meters that describe this process by themselves: the runtime's, and this package's own. */
const OF_PROCESS: Readonly<Record<string, RegExp>> = {
  '@opentelemetry/instrumentation-runtime-node': /^v8js\.|^nodejs\./,
  '@org/orchestrator': /^orchestrator\./,
};

/**
 * Whether the end of a process may take longer for this batch. It may not for the garbage that was collected since the last
 * flush, or for the duration of that flush.
 */
export function isWorthWaiting({ deltas }: DeltaBatch): boolean {
  return deltas.some(({ family, points }) =>
    points.some(
      ({ series, values }) =>
        OF_PROCESS[series.scope.name]?.test(family.name) !== true && values.some((value) => value !== 0),
    ),
  );
}
