import type { PackageCopy } from '../facts/package-copies.js';
import { finding, type Finding } from '../findings.js';

/** The packages of which a second copy, or another version, matters. */
export const WATCHED = {
  api: '@opentelemetry/api',
  sdk: '@opentelemetry/sdk-metrics',
  own: '@org/orchestrator',
} as const;

const CONSEQUENCES: Readonly<Record<string, string>> = {
  [WATCHED.api]:
    'Instruments that are created through the newer copy do nothing when the older one came first.',
  [WATCHED.sdk]: 'A reader or a view of one copy does not work in a MeterProvider of the other.',
  [WATCHED.own]: 'Processes of one project run different versions, whichever copy they find.',
};

/** The Node.js that runs, by the package's own `engines`: `^20.19.0 || >=22.15.0`. */
export function checkNode(version: string, engines: string): Finding[] {
  return satisfies(version, engines) ? [] : [finding('node-version', { version, allowed: engines })];
}

/** Copies of different versions; two of one version share everything that matters. */
export function checkCopies(copies: Readonly<Record<string, readonly PackageCopy[]>>): Finding[] {
  return Object.values(WATCHED).flatMap((name) => {
    const found = copies[name] ?? [];
    if (new Set(found.map(({ version }) => version)).size < 2) return [];
    const list = found.map(({ version, folder }) => `${version} in ${folder}`).join(', ');
    const consequence = CONSEQUENCES[name] ?? '';
    return [finding('package-copies', { package: name, count: found.length, copies: list, consequence })];
  });
}

/** @param allowed the dependencies of this package: name -> range */
export function checkVersions(
  copies: Readonly<Record<string, readonly PackageCopy[]>>,
  allowed: Readonly<Record<string, string>>,
): Finding[] {
  return Object.entries(allowed).flatMap(([name, range]) => {
    // One of several copies may well be another package's business.
    const [copy, ...others] = copies[name] ?? [];
    if (copy === undefined || others.length > 0 || satisfies(copy.version, range)) return [];
    return [finding('sdk-version', { package: name, version: copy.version, allowed: range })];
  });
}

/**
 * The ranges that stand in this package's own package.json: `^1.9.0`, `>=22.15.0 <23`, exact versions, `||` between them. A
 * pre-release counts as the release that it precedes.
 */
export function satisfies(version: string, range: string): boolean {
  const wanted = numbersOf(version);
  return range.split('||').some((part) =>
    part
      .trim()
      .split(/\s+/)
      .every((comparator) => holds(wanted, comparator)),
  );
}

function holds(version: readonly number[], comparator: string): boolean {
  const [, operator = '', bound = ''] = /^(\^|>=|<=|>|<|=|)v?(.+)$/.exec(comparator) ?? [];
  const order = compare(version, numbersOf(bound));
  switch (operator) {
    case '^':
      return order >= 0 && version[0] === numbersOf(bound)[0];
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
    case '<=':
      return order <= 0;
    case '<':
      return order < 0;
    default:
      return order === 0;
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const index of [0, 1, 2]) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return version.replace(/^v/, '').split('-', 1).join('').split('.').map(Number);
}
