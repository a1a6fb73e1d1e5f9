import { integer, paths } from '../../config/setting-kinds.js';
import { valued } from '../arguments/flags.js';
import { duration } from '../arguments/kinds.js';
import { type Command, defineCommand } from '../command.js';
import { CommandError } from '../exit-codes.js';
import { localTarget } from '../load/local-target.js';
import { type LoadResult, sendLoad } from '../load/send-load.js';
import { durationText } from '../output/quantities.js';

/** How often a person is told how far it is. */
const TOLD_MS = 1000;

/** Sends some requests, so that there is something to see. */
export const load: Command = defineCommand({
  name: 'load',
  summary: 'Sends a small demo load to a URL of this machine, so that there is something to see.',
  description:
    'GET requests at an even rate, for a limited time, and only to addresses of this machine. It is no benchmark. Ctrl+C ends it with its summary.',
  args: [{ name: 'url', description: 'http://127.0.0.1:3000/' }],
  flags: {
    rate: valued('number', integer(1, 200), 10, 'Requests per second, at most 200.'),
    for: valued('time', duration(100, 600_000), 30_000, 'How long, at most 10m.', '30s'),
    connections: valued('number', integer(1, 50), 10, 'Requests under way at once, at most 50.'),
    paths: valued(
      'list',
      paths,
      [],
      'Paths that are asked in turn: /,/users/1,/missing. Default: that of the URL.',
    ),
  },
  settings: [],
  examples: [
    { command: 'load http://127.0.0.1:3000/', does: 'Half a minute of visitors:' },
    {
      command: 'load http://localhost:3000 --paths /,/orders/7,/missing --rate 50 --for 2m',
      does: 'Several routes:',
    },
  ],
  isLasting: true,
  async run({ args, flags, json, terminal, signal }) {
    const url = await localTarget(args[0] ?? '');
    const urls = flags.paths.length === 0 ? [url] : flags.paths.map((path) => new URL(path, url));
    let told = 0;
    const result = await sendLoad(
      { urls, rate: flags.rate, ms: flags.for, connections: flags.connections },
      signal,
      (so) => {
        if (json || !terminal.isInteractive || so.elapsedMs - told < TOLD_MS) return;
        told = so.elapsedMs;
        terminal.note(`${durationText(so.elapsedMs)}: ${so.sent} requests`);
      },
    );
    // The error is JSON too, and there is only one.
    if (!json) await terminal.line(summaryOf(result));
    if (result.durationsMs.length === 0)
      throw new CommandError(
        'unavailable',
        `Nobody answered at ${url.origin}: ${[...result.failures.keys()].join(', ')}.`,
      );
    if (json) await terminal.json(asJson(result));
  },
});

function summaryOf({ sent, statuses, failures, durationsMs, elapsedMs }: LoadResult): string {
  const counts = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
  const failed = Array.from(failures, ([why, count]) => `${count} x ${why}`);
  const times =
    durationsMs.length === 0
      ? []
      : [
          `half within ${durationText(quantile(durationsMs, 0.5))}, 95 % within ${durationText(quantile(durationsMs, 0.95))}`,
        ];
  return `${sent} requests in ${durationText(elapsedMs)}: ${[...counts, ...failed, ...times].join(', ')}`;
}

function asJson({ sent, statuses, failures, durationsMs, elapsedMs }: LoadResult): object {
  return {
    sent,
    statuses: Object.fromEntries(statuses),
    failures: Object.fromEntries(failures),
    seconds: elapsedMs / 1000,
    p50Seconds: durationsMs.length === 0 ? null : quantile(durationsMs, 0.5) / 1000,
    p95Seconds: durationsMs.length === 0 ? null : quantile(durationsMs, 0.95) / 1000,
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
