import { version } from '../../version.js';
import { withPreload } from './start-command.js';

/** The parts of a package.json that are read here. */
export interface Manifest {
  readonly name?: string;
  readonly main?: string;
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export const PACKAGE = '@org/orchestrator';

/** Scripts that run the application; what builds, tests or checks it is left alone. */
export const STARTS: RegExp =
  /^(?:start|serve|server|prod|production|web|api|worker|queue|cron|dev)(?:[:-]|$)/;

/** Undefined when the text is no object of JSON. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Manifest)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A script that was not changed although it starts the application. */
export interface ScriptByHand {
  readonly script: string;
  readonly command: string;
  readonly why: string;
}

/**
 * The package.json with this package among its dependencies, and with the preload in its start scripts unless only the
 * `dependency` is wanted. Its indentation and the order of everything stay.
 */
export function withOrchestrator(
  text: string,
  what: 'scripts' | 'dependency' = 'scripts',
): {
  readonly text: string;
  readonly byHand: readonly ScriptByHand[];
} {
  const manifest = parseManifest(text);
  if (manifest === undefined) return { text, byHand: [] };
  const byHand: ScriptByHand[] = [];
  const scripts: Record<string, string> = { ...manifest.scripts };
  for (const [script, command] of Object.entries(what === 'scripts' ? scripts : {})) {
    if (!STARTS.test(script) || typeof command !== 'string') continue;
    const edited = withPreload(command);
    if (edited.kind === 'edited') scripts[script] = edited.command;
    if (edited.kind === 'by hand') byHand.push({ script, command, why: edited.why });
  }
  const after: Record<string, unknown> = { ...manifest };
  if (manifest.scripts !== undefined) after['scripts'] = scripts;
  if (manifest.dependencies?.[PACKAGE] === undefined)
    after['dependencies'] = sorted({ ...manifest.dependencies, [PACKAGE]: `^${version}` });
  if (JSON.stringify(after) === JSON.stringify(manifest)) return { text, byHand };
  const indentation = /^[ \t]+/m.exec(text)?.[0] ?? '  ';
  const end = text.endsWith('\n') ? '\n' : '';
  return { text: JSON.stringify(after, undefined, indentation) + end, byHand };
}

/** As npm keeps them. */
function sorted(dependencies: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(dependencies).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The line of package.json on which a script is. */
export function lineOfScript(text: string, script: string): number {
  const lines = text.split('\n');
  const scripts = lines.findIndex((line) => /"scripts"\s*:/.test(line));
  const at = lines.findIndex(
    (line, index) => index >= scripts && line.includes(`${JSON.stringify(script)}:`),
  );
  return Math.max(at, 0) + 1;
}
