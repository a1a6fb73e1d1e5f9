import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

import { ROOT } from './gateway-process.js';

/** The configuration of the demo, to be changed by a test. */
export function demoConfig(): { flows: Record<string, unknown>; routes: unknown[]; [key: string]: unknown } {
  return parse(readFileSync(join(ROOT, 'gateway.config.yaml'), 'utf8')) as ReturnType<typeof demoConfig>;
}

/** Retries without long pauses. */
export const QUICK = { count: 2, backoff: { initialMs: 1, maxMs: 5 } };
