import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isatty } from 'node:tty';

import { nearestManifest, type Manifest } from '../../instrumentation/packages/manifest.js';
import { isTool } from './tools.js';

/**
 * - `own`: a file of the application, or code of `node -e` and standard input.
 * - `installed`: a file of an installed package: a compiler, a launcher that starts the application, or one that serves it
 *   itself; and a REPL. Which of them it is shows when it listens or records.
 * - `tool`: a package manager, PM2 itself, `node --check`: never an application.
 */
export type MainKind = 'own' | 'installed' | 'tool';

export interface MainFile {
  readonly kind: MainKind;
  /**
   * The application's package.json and its packages are looked for from this file, an absolute path: the main file, or the
   * package.json of the working directory if the main file is not the application's. It may not exist.
   */
  readonly from: string;
  /** The main file as version 0.1.0 understood it. */
  readonly before: string | undefined;
}

/** How this process was started. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
}

/** PM2 runs the application from these files of its own, whose name is what `argv` has. */
const PM2_CONTAINER = /[\\/]pm2[\\/]lib[\\/]ProcessContainer(?:Fork)?\.js$/;

/** Where package managers put packages: npm, pnpm and Yarn, Yarn's zero-installs and editor SDKs, Debian. */
const INSTALLED = /[\\/](?:node_modules|\.yarn)[\\/]|^\/usr\/(?:share|lib)\/nodejs\//;

/** The options of Node whose code comes with the command line. */
const EVALUATED = /^(?:-e|-p|-pe|--eval|--print)(?:=|$)/;

/** @param environment with `pm_exec_path` and `pm_cwd` of PM2; processes that the application starts inherit both */
export function mainFile(
  environment: Readonly<Record<string, string | undefined>>,
  commandLine: CommandLine = { argv: process.argv, execArgv: process.execArgv },
): MainFile {
  const { argv, execArgv } = commandLine;
  const underPm2 = PM2_CONTAINER.test(argv[1] ?? '');
  const script = underPm2 ? environment['pm_exec_path'] : argv[1];
  const folder = (underPm2 ? environment['pm_cwd'] : undefined) ?? workingDirectory();
  const before = environment['pm_exec_path'] ?? argv[1];
  const elsewhere = { from: join(folder, 'package.json'), before };
  if (isTool(script, execArgv)) return { kind: 'tool', ...elsewhere };
  if (execArgv.some((option) => EVALUATED.test(option)) || script === '-')
    return { kind: 'own', ...elsewhere };
  if (script === undefined) return { kind: isInteractive(execArgv) ? 'installed' : 'own', ...elsewhere };
  const file = realPath(resolve(folder, script));
  if (isTool(file, [])) return { kind: 'tool', ...elsewhere };
  if (INSTALLED.test(file)) return { kind: 'installed', ...elsewhere };
  return { kind: 'own', from: file, before };
}

/** Node takes `app` for `app.js` only later; then the folder is the same. */
function realPath(file: string): string {
  for (const candidate of [file, `${file}.js`]) {
    try {
      return realpathSync(candidate);
    } catch {
      // Tried next, or a file that Yarn has in an archive.
    }
  }
  return join(realFolder(dirname(file)), basename(file));
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    // It was deleted.
    return resolve('/');
  }
}

function isInteractive(execArgv: readonly string[]): boolean {
  return execArgv.some((option) => option === '-i' || option === '--interactive') || isatty(0);
}

/** The name in the nearest package.json with a name, in the folder of `file` or above it. */
export function packageName(file: string): string | undefined {
  const name = nearestManifest(dirname(file), isNamed)?.['name'];
  return typeof name === 'string' ? name : undefined;
}

/** One that cannot be read, or that a build left there for its `type`, has no name; the next one above may have. */
function isNamed({ name }: Manifest): boolean {
  return typeof name === 'string' && name !== '';
}

/** The package's name as version 0.1.0 found it: of the main file, wherever that is, and under PM2 of `pm_exec_path`. */
export function packageNameBefore({ before }: MainFile): string | undefined {
  return packageName(before === undefined ? join(workingDirectory(), 'package.json') : resolve(before));
}
