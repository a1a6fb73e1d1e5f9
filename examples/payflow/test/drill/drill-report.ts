import type { DrillClients } from './drill-clients.js';
import type { DrillResult } from './drill.js';
import type { Verdict } from './drill-verdict.js';

/** An instance flushes its counts each second; the rest is for a flush that is under way. */
export const COUNTS_AT_RISK_MS = 1500;

export interface PhaseFigures {
  readonly name: string;
  readonly seconds: number;
  readonly attempts: number;
  /** Attempts that were answered as if nothing had happened. */
  readonly answered: number;
  /** Attempts that the service refused with 503 at once. */
  readonly refused: number;
  /** Attempts without an answer of the service: the connection broke, or nginx answered in its place. */
  readonly unanswered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest time in which no transfer was completed. */
  readonly longestGapMs: number;
}

/** A phase in time, in milliseconds since 1970. */
export interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Of the attempts that ended in this time: what was under way at a fault is answered after it. */
export function phaseFigures({ name, from, to }: Span, clients: DrillClients): PhaseFigures {
  const attempts = clients.attempts.filter(({ at, ms }) => at + ms >= from && at + ms < to);
  const answered = attempts.filter(({ status }) => status === 201 || status === 422);
  const refused = attempts.filter(({ status, byService }) => status === 503 && byService);
  const durations = answered.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const times = clients.settled.map(({ at }) => at).filter((at) => at >= from && at < to);
  return {
    name,
    seconds: (to - from) / 1000,
    attempts: attempts.length,
    answered: answered.length,
    refused: refused.length,
    unanswered: attempts.length - answered.length - refused.length,
    p50Ms: durations[Math.floor(durations.length * 0.5)] ?? 0,
    p99Ms: durations[Math.floor(durations.length * 0.99)] ?? 0,
    longestGapMs: longestGap([from, ...times.toSorted((a, b) => a - b), to]),
  };
}

function longestGap(times: readonly number[]): number {
  return Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at)));
}

/** As the README shows it. */
export function reportText({ phases, total, verdict, answersBeforeKill }: DrillResult): string {
  const rows = [...phases, total].map(
    ({ name, seconds, attempts, answered, refused, unanswered, p50Ms, p99Ms, longestGapMs }) =>
      [
        name,
        seconds.toFixed(1),
        attempts,
        `${((100 * answered) / Math.max(1, attempts)).toFixed(2)} %`,
        refused,
        unanswered,
        p50Ms,
        p99Ms,
        (longestGapMs / 1000).toFixed(2),
      ].join(' | '),
  );
  return [
    '| phase | seconds | attempts | answered | refused (503) | no answer | p50 ms | p99 ms | longest time without a transfer, s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    ...Object.entries(verdict).map(([name, value]) => `- ${name}: ${value}`),
    ...lossLines(verdict, answersBeforeKill),
    '',
  ].join('\n');
}

/** What a killed instance had counted since its last flush is missing at the endpoint. */
export function lostCounts(verdict: Verdict): number {
  return verdict['answers that clients got from the service'] - verdict['answers that the endpoint counted'];
}

function lossLines(verdict: Verdict, answersBeforeKill: number): string[] {
  if (answersBeforeKill === 0) return [];
  return [
    `- counts that the killed instance took with it: ${lostCounts(verdict)} (clients got ${answersBeforeKill} answers in the ${COUNTS_AT_RISK_MS / 1000} s before the kill)`,
  ];
}
