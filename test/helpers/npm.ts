import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { baseEnvironment, mergeEnvironment } from './app-process.js';

const run = promisify(execFile);

/** npm's command line: the one that runs the tests, or the one beside the node that does. */
export const NPM_CLI: string =
  [
    process.env['npm_execpath'] ?? '',
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
  ].find((path) => path.endsWith('npm-cli.js') && existsSync(path)) ?? 'npm-cli.js';

/** A registry that cannot be reached is a failure to report, not to wait for. */
const INSTALL_TIMEOUT_MS = 150_000;

/** Runs npm under the given node, so that it is this node whose version decides what is installed. Rejects with its output. */
export async function npm(
  args: readonly string[],
  cwd: string,
  node: string = process.execPath,
): Promise<string> {
  const path = [dirname(node), process.env['PATH']].join(delimiter);
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const { stdout } = await run(node, [NPM_CLI, ...args, ...quiet], {
    cwd,
    env: mergeEnvironment(baseEnvironment(), {
      PATH: path,
      npm_config_registry: process.env['npm_config_registry'],
    }),
    timeout: INSTALL_TIMEOUT_MS,
    maxBuffer: 20_000_000,
  });
  return stdout;
}

/** The versions of every copy of a package below a folder: more than one means that two halves do not know each other. */
export function installedVersions(root: string, name: string): string[] {
  const versions: string[] = [];
  const modules = join(root, 'node_modules');
  if (!existsSync(modules)) return versions;
  const manifest = join(modules, name, 'package.json');
  if (existsSync(manifest)) versions.push(versionOf(manifest));
  for (const entry of readdirSync(modules)) {
    const packages = entry.startsWith('@')
      ? readdirSync(join(modules, entry)).map((scoped) => join(entry, scoped))
      : [entry];
    for (const folder of packages) versions.push(...installedVersions(join(modules, folder), name));
  }
  return versions;
}

function versionOf(manifest: string): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}
