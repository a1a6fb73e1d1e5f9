import { version } from '../version.js';

/** The answer at `/` for who is no browser: what there is. */
export function landingText(prefix: string, path: string): string {
  const rows = [
    ['/', 'in a browser: the live page'],
    [path, 'for Prometheus'],
    ['/health', 'store, instances and the checks of the application, as JSON'],
    ['/healthz', 'this process is alive'],
    ['/readyz', 'the store answers and the last flush is fresh'],
  ] as const;
  const width = Math.max(...rows.map(([target]) => target.length));
  const lines = rows.map(([target, text]) => `${target.padEnd(width)}  ${text}\n`);
  return `Metrics of ${prefix}: the sum of all processes of this project, by @org/orchestrator ${version}.\n\n${lines.join('')}`;
}
