import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from './helpers/scratch.js';

const EXAMPLES = join(PACKAGE_ROOT, 'examples');

/** What holds for an application, in the order in which it fails fastest. */
const CHECKS = ['lint', 'format:check', 'test'];

/** Folder names of the applications under examples/ that have tests of their own. */
export function examplesWithTests(): string[] {
  return readdirSync(EXAMPLES).filter((name) => scriptsOf(name).includes('test'));
}

/**
 * Installs an application as its README says, and runs its checks.
 *
 * @returns the first command that failed, undefined if none did
 */
export async function runExample(name: string, signal: AbortSignal): Promise<string | undefined> {
  const scripts = scriptsOf(name);
  const checks = CHECKS.filter((check) => scripts.includes(check)).map((check) => ['run', check]);
  for (const args of [['ci', '--no-audit', '--no-fund'], ...checks]) {
    process.stdout.write(`\n== examples/${name}: npm ${args.join(' ')}\n`);
    if (!(await npm(args, join(EXAMPLES, name), signal))) return `npm ${args.join(' ')}`;
  }
  return undefined;
}

function scriptsOf(name: string): string[] {
  const file = join(EXAMPLES, name, 'package.json');
  if (!existsSync(file)) return [];
  const { scripts = {} } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: Record<string, string> };
  return Object.keys(scripts);
}

function npm(args: readonly string[], cwd: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('npm', args, { cwd, signal, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}
