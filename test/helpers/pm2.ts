import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { PRELOAD, baseEnvironment, fixturePath, mergeEnvironment, type Environment } from './app-process.js';
import { eventually } from './eventually.js';
import { killWithThisProcess, onEnd, type Owner } from './owner.js';
import { PACKAGE_ROOT, scratchDir } from './scratch.js';

const run = promisify(execFile);

export interface Pm2Process {
  readonly pid: number;
  readonly status: string;
}

/** A PM2 daemon with a home of its own, killed with its applications when its owner ends. */
export class Pm2 {
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  /** Runs PM2's command line. */
  async command(args: readonly string[], env: Environment = {}): Promise<string> {
    const program = join(PACKAGE_ROOT, 'node_modules', 'pm2', 'bin', 'pm2');
    const { stdout } = await run(process.execPath, [program, ...args], {
      cwd: fixturePath('.'),
      env: mergeEnvironment(baseEnvironment(), { PM2_HOME: this.#home, HOME: this.#home }, env),
      maxBuffer: 10_000_000,
    });
    return stdout;
  }

  async processes(): Promise<Pm2Process[]> {
    const list = JSON.parse(await this.command(['jlist', '--silent'])) as Array<{
      pid: number;
      pm2_env: { status: string };
    }>;
    return list.map(({ pid, pm2_env: { status } }) => ({ pid, status }));
  }

  /** So that the daemon, which PM2 detaches, does not outlive a test process that is killed; its applications end with it. */
  adopt(): void {
    killWithThisProcess(Number(readFileSync(join(this.#home, 'pm2.pid'), 'utf8')));
  }

  /** What the applications printed. */
  output(): string {
    const dir = join(this.#home, 'logs');
    return readdirSync(dir)
      .map((file) => readFileSync(join(dir, file), 'utf8'))
      .join('');
  }
}

/** Two instances of the fixtures' server under PM2, once both listen. In fork mode they listen at `PORT` and the port after it. */
export async function startPm2(
  owner: Owner,
  mode: 'fork' | 'cluster',
  env: Readonly<Record<string, string>>,
): Promise<Pm2> {
  const pm2 = new Pm2(scratchDir(owner, 'pm2'));
  onEnd(owner, async () => {
    await pm2.command(['kill', '--silent']);
  });
  const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [`APP_ENV_${name}`, value]));
  await pm2.command(['start', 'ecosystem.config.cjs', '--silent'], {
    ...settings,
    PM2_MODE: mode,
    PM2_PRELOAD: PRELOAD,
  });
  pm2.adopt();
  await eventually(() => {
    const output = pm2.output();
    if ((output.match(/^listening /gm) ?? []).length < 2)
      throw new Error(`PM2's applications do not listen:\n${output}`);
  });
  return pm2;
}
