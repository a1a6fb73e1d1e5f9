import { join } from 'node:path';

import { Program } from './program.js';

/** The folder of the application; compiled files are in `dist/dev`. */
export const ROOT: string = join(__dirname, '../..');

export const PRELOADS: readonly string[] = [
  '--require',
  './metrics-settings.js',
  '--require',
  '@org/orchestrator/register',
];

/** A process of the application, as its npm scripts start it. */
export function startApplication(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Program {
  return new Program(args.join(' '), process.execPath, [...PRELOADS, 'dist/src/cli/main.js', ...args], {
    cwd: ROOT,
    env,
  });
}

/** What processes of tests and of the demo inherit: nothing that would change how they behave. */
export function plainEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:OTEL|ORCHESTRATOR|REDIS|NODE_OPTIONS|NODE_TEST|DATABASE_URL|RABBITMQ)/.test(name),
    ),
  );
}

/** Samples of an exposition: `name{labels}` -> value. */
export function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

/** The sum over all series of a metric whose labels have these values. */
export function sumOf(
  samples: ReadonlyMap<string, number>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  let sum = 0;
  for (const [series, value] of samples) {
    if (!series.startsWith(`${name}{`) && series !== name) continue;
    if (Object.entries(labels).every(([label, text]) => series.includes(`${label}="${text}"`))) sum += value;
  }
  return sum;
}
