import { spawn, type ChildProcess } from 'node:child_process';

import {
  AppProcess,
  baseEnvironment,
  fixturePath,
  mergeEnvironment,
  PRELOAD,
} from '../helpers/app-process.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { type End, endKind } from './ends.js';
import type { Item } from './instruments.js';
import type { WriterModel } from './model.js';

/** One process of the project that records what it is told, and the model of it. */
export class Writer {
  readonly model: WriterModel;
  readonly #app: AppProcess;
  readonly #child: ChildProcess;
  #answers = 0;

  constructor(child: ChildProcess, model: WriterModel) {
    this.#child = child;
    this.#app = new AppProcess(child);
    this.model = model;
    // A process that has ended reads nothing more.
    child.stdin?.on('error', () => undefined);
  }

  get running(): boolean {
    return this.#app.running;
  }

  get output(): string {
    return this.#app.stdout + this.#app.stderr;
  }

  async ready(): Promise<void> {
    await this.#app.waitFor(/^ready$/m);
  }

  /** Resolves when it is recorded. */
  async record(items: readonly Item[]): Promise<void> {
    this.model.add(items);
    await this.#tell({ items });
  }

  /** Holds its event loop. Resolves when it goes on. */
  async block(ms: number): Promise<void> {
    await this.#tell({ blockMs: ms });
  }

  /** Sets its wall clock so many milliseconds ahead of the right time. */
  async setClock(ms: number): Promise<void> {
    await this.#tell({ clockMs: ms });
  }

  /** Stops the process as a debugger does. */
  stop(): void {
    this.#app.send('SIGSTOP');
  }

  continue(): void {
    this.#app.send('SIGCONT');
  }

  /** Ends it, and resolves when it has ended. */
  async end(end: End): Promise<void> {
    const how = endKind(end);
    if (how.signal !== undefined) this.#app.send(how.signal);
    else if (how.command !== undefined) this.#child.stdin?.write(`${JSON.stringify({ end: how.command })}\n`);
    else this.#child.stdin?.end();
    await this.#app.ending;
    this.model.alive = false;
  }

  async #tell(what: object): Promise<void> {
    this.#answers += 1;
    this.#child.stdin?.write(`${JSON.stringify(what)}\n`);
    await this.#app.waitFor(new RegExp(`(?:^done$[^]*){${this.#answers}}`, 'm'));
  }
}

/** Starts one. `drains`: its SIGTERM handler is that of the application, which ends in `process.exit()`. */
export async function startWriter(
  owner: Owner,
  env: Readonly<Record<string, string>>,
  model: WriterModel,
  { drains, hasViews }: { readonly drains: boolean; readonly hasViews: boolean },
): Promise<Writer> {
  const options = { ...(drains && { DRAIN: '1' }), ...(hasViews && { VIEWS: '1' }) };
  const args = [...(hasViews ? [] : ['--require', PRELOAD]), fixturePath('fault-writer.cjs')];
  const child = spawn(process.execPath, args, {
    cwd: fixturePath('.'),
    env: mergeEnvironment(baseEnvironment(), env, options),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const writer = new Writer(child, model);
  onEnd(owner, async () => {
    if (!writer.running) return;
    writer.continue();
    await writer.end('SIGKILL');
  });
  await writer.ready();
  return writer;
}
