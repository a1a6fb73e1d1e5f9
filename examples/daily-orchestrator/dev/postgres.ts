import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Client } from 'pg';

import { eventually } from './eventually.js';
import { postgresFolders } from './needs.js';
import { freePort } from './ports.js';
import { accountOf, findProgram, Program } from './program.js';

/** A PostgreSQL of our own, in a folder of its own. */
export class Postgres {
  readonly port: number;
  readonly #dir: string;
  readonly #programs: string;
  #server: Program | undefined;

  private constructor(dir: string, port: number, programs: string) {
    this.#dir = dir;
    this.port = port;
    this.#programs = programs;
  }

  static async start(parent: string): Promise<Postgres> {
    const dir = join(parent, 'postgres');
    mkdirSync(dir);
    const account = accountOf('postgres');
    if (account !== undefined) chownSync(dir, account.uid, account.gid);
    const programs = dirname(findProgram('postgres', postgresFolders()) ?? '');
    const data = join(dir, 'data');
    execFileSync(
      join(programs, 'initdb'),
      ['--auth=trust', '--no-sync', '--username=postgres', '--encoding=UTF8', '--locale=C', '--pgdata', data],
      { ...account, cwd: dir, stdio: 'pipe' },
    );
    const postgres = new Postgres(dir, await freePort(), programs);
    await postgres.begin();
    return postgres;
  }

  /** The URL of a database. */
  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** A new, empty database. Answers its URL. */
  async database(name: string): Promise<string> {
    const client = new Client({ connectionString: this.url() });
    await client.connect();
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    return this.url(name);
  }

  async begin(): Promise<void> {
    const options = ['-h', '127.0.0.1', '-p', String(this.port), '-k', this.#dir, '-F'];
    const server = new Program(
      'postgres',
      join(this.#programs, 'postgres'),
      ['-D', join(this.#dir, 'data'), ...options, '-c', 'max_connections=200'],
      { cwd: this.#dir, account: accountOf('postgres') },
    );
    this.#server = server;
    await eventually(async () => {
      server.assertRunning();
      const client = new Client({ connectionString: this.url() });
      await client.connect();
      await client.end();
    });
  }

  /** `SIGINT` ends connections at once; `SIGQUIT` is a crash. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    await this.#server?.stop(signal);
  }
}
