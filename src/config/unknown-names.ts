import { orchestratorError } from '../errors.js';
import { type Warn, warning } from '../warnings.js';
import type { Environment } from './environment.js';
import { SETTINGS, type Setting, type SettingName } from './settings.js';

const PREFIX = 'ORCHESTRATOR_';

/** Options that only code can give; they are not settings. */
const CODE_OPTIONS: readonly string[] = ['instrumentations', 'views'];

/**
 * Warns of each variable that looks like a misspelt setting of ours. One that is like none is not ours to judge: Kubernetes
 * makes `ORCHESTRATOR_PORT` of a Service called "orchestrator", and other programs have that word in their variables too.
 */
export function warnOfMisspeltVariables(env: Environment, warn: Warn): void {
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX));
  if (names.length === 0) return;
  const known = Object.values<Setting>({ ...SETTINGS }).flatMap((row) => row.env);
  for (const variable of names) {
    if (known.includes(variable)) continue;
    const { nearest, distance } = nearestOf(variable, known);
    const tolerated = plain(variable).length - plain(PREFIX).length < 6 ? 1 : 2;
    if (distance <= tolerated) warn(...warning('ORCHESTRATOR_SETTING_UNKNOWN', { variable, nearest }));
  }
}

/** @throws ORCHESTRATOR_INVALID_SETTING for an option that does not exist */
export function refuseUnknownOptions(options: object): void {
  const known = [...(Object.keys(SETTINGS) as SettingName[]), ...CODE_OPTIONS];
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || known.includes(option)) continue;
    const { nearest } = nearestOf(option, known);
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'unknownOption', { option, nearest });
  }
}

function nearestOf(name: string, known: readonly string[]): { nearest: string; distance: number } {
  let found = { nearest: '', distance: Number.POSITIVE_INFINITY };
  for (const nearest of known) {
    const distance = distanceOf(plain(name), plain(nearest));
    if (distance < found.distance) found = { nearest, distance };
  }
  return found;
}

/** Underscores and case are the first things that are mistaken. */
function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** How many characters have to be added, dropped, exchanged or swapped with their neighbour. */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const exchanged = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? at(beforeLast, j - 2) + 1
          : exchanged;
      row.push(Math.min(at(row, j - 1) + 1, at(last, j) + 1, exchanged, swapped));
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
