import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';

import { AppProcess, baseEnvironment, mergeEnvironment, type Environment } from '../helpers/app-process.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scratchDir } from '../helpers/scratch.js';

/** An application, and what is done to it. It is run with a preload and without one. */
export interface Case {
  readonly name: string;
  /** Its files by name. `app.cjs`, or `app.mjs`, is what node runs. */
  readonly files: Readonly<Record<string, string>>;
  /** The command, from the arguments that give node the preload: none without it. Default: `node <preload> <main file>`. */
  readonly command?: (preload: readonly string[]) => readonly string[];
  /** The preload comes by NODE_OPTIONS, and the command is given none. */
  readonly byEnvironment?: true;
  readonly env?: Environment;
  /** Written to its stdin, which is then closed; undefined leaves it open. Default: stdin is empty. */
  readonly stdin?: string | undefined;
  /** What happens to it while it runs. Default: nothing, it ends by itself. */
  readonly drive?: (run: Run) => Promise<void>;
}

/** What can be seen of one run. */
export interface Observation {
  readonly ending: string;
  readonly stdout: string;
  /** But for the lines of this package, and for the frames of stacks. */
  readonly stderr: string;
  /** The frames of the stacks in it. */
  readonly stack: readonly string[];
  /** What the driver saw from outside: answers to requests. */
  readonly answers: readonly string[];
  /** What the application saw from inside. */
  readonly probes: Readonly<Record<string, unknown>>;
  readonly milliseconds: number;
}

/** A process that has not ended by then, when it should have, does not end. */
const END_MS = 40_000;

/** A request that has no answer by then gets none. */
const ANSWER_MS = 3000;

export class Run {
  readonly app: AppProcess;
  /** Where its files are. */
  readonly folder: string;
  readonly answers: string[] = [];

  constructor(app: AppProcess, folder: string) {
    this.app = app;
    this.folder = folder;
  }

  /** Asks the application, and notes what it answers. */
  async ask(label: string, path = '/'): Promise<void> {
    const port = await this.app.number('listening');
    this.answers.push(`${label}: ${await answerOf(port, path)}`);
  }

  /** Asks until the answer, or that there is none, is `wanted`; what is wrong with it is noted after a while. */
  async askUntil(label: string, wanted: RegExp): Promise<void> {
    const port = await this.app.number('listening');
    let answer = '';
    for (let attempt = 0; attempt < 40; attempt++) {
      answer = await answerOf(port, '/');
      if (wanted.test(answer)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.answers.push(`${label}: ${answer}`);
  }
}

function answerOf(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const options = { port, host: '127.0.0.1', path, signal, headers: { connection: 'close' } };
    const outgoing = request(options, (response) => {
      let body = '';
      response.on('data', (piece: Buffer) => (body += piece.toString()));
      response.on('error', () => resolve('broken off'));
      response.on('end', () => {
        const headers = response.rawHeaders.filter((_, index) => index % 2 === 0).join(',');
        resolve(`${response.statusCode ?? 0} ${headers} ${body}`);
      });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ECONNREFUSED'
          ? 'refused'
          : `none (${error.name === 'Error' ? error.code : error.name})`,
      ),
    );
    outgoing.end();
  });
}

function isFrame(line: string): boolean {
  return /^ {4}at /.test(line);
}

/** A frame that is there or not by the moment in which a promise settles. */
const TICKS = /at process\.processTicksAndRejections/;

/** Runs the application once. `preload`: a file, or none. */
export async function observe(
  owner: Owner,
  example: Case,
  preload: string | undefined,
): Promise<Observation> {
  const folder = scratchDir(owner, 'harm');
  const files = { 'package.json': '{"name":"harm"}', ...example.files };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const flag = Object.keys(files).includes('app.mjs') ? '--import' : '--require';
  const given = preload === undefined ? [] : [flag, preload];
  const { command = (args) => ['node', ...args, flag === '--import' ? 'app.mjs' : 'app.cjs'] } = example;
  const [program = 'node', ...args] = command(example.byEnvironment === true ? [] : given);
  const env = {
    TMPDIR: scratchDir(owner, 'harm-tmp'),
    OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
    NODE_OPTIONS: example.byEnvironment === true && given.length > 0 ? given.join(' ') : undefined,
    ...example.env,
  };
  const begun = performance.now();
  const child = spawn(program === 'node' ? process.execPath : program, args, {
    cwd: folder,
    env: mergeEnvironment(baseEnvironment(), env),
    stdio: ['stdin' in example ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => undefined);
  if (example.stdin !== undefined) child.stdin?.end(example.stdin);
  const app = new AppProcess(child);
  onEnd(owner, async () => {
    if (app.running) await app.end('SIGKILL');
  });
  const run = new Run(app, folder);
  await example.drive?.(run);
  const late = setTimeout(() => app.send('SIGKILL'), END_MS);
  const { code, signal, stdout, stderr } = await app.ending;
  clearTimeout(late);
  const steady = (text: string): string =>
    text
      .replaceAll(folder, '<folder>')
      .replaceAll(env.TMPDIR, '<tmp>')
      .replaceAll(/^(listening|pid|worker) \d+/gm, '$1 N')
      .replaceAll(/\(node:\d+\)/g, '(node:N)')
      .replaceAll(/duration_ms [\d.]+|[\d.]+ms/g, 'duration');
  const lines = stdout.split('\n');
  const errors = steady(stderr)
    .split('\n')
    .filter((line) => !line.startsWith('[orchestrator] '));
  return {
    ending: signal ?? `code ${code}`,
    stdout: steady(lines.filter((line) => !line.startsWith('probe ') && !TICKS.test(line)).join('\n')),
    stderr: errors.filter((line) => !isFrame(line)).join('\n'),
    stack: errors.filter(isFrame).map((line) => line.trim().replace(/ \{$/, '')),
    answers: run.answers.map(steady),
    probes: Object.fromEntries(
      lines
        .filter((line) => line.startsWith('probe '))
        .map((line) => JSON.parse(steady(line.slice('probe '.length))) as { label: string })
        .map((seen) => [seen.label, seen]),
    ),
    milliseconds: performance.now() - begun,
  };
}
