import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client, Pool, types } from 'pg';

import { parseMetrics, plainEnvironment, startApplication, sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { freePort } from '../dev/ports.js';
import type { Program } from '../dev/program.js';
import type { Run, StepRow } from '../src/database/runs.js';
import { EsiStandIn, type Behaviour } from '../src/stand-in/esi-stand-in.js';
import type { UniverseSize } from '../src/stand-in/universe.js';
import { WORKER_KINDS } from '../src/workers/kinds.js';
import { createVirtualHost, deleteVirtualHost } from '../dev/rabbitmq.js';

types.setTypeParser(types.builtins.INT8, Number);

/** Servers for a project; by default those of the test run. */
export interface Servers {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly managementUrl: string;
}

export function sharedServers(): Servers {
  const read = (name: string): string => {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set: start the tests with npm test.`);
    return value;
  };
  return {
    databaseUrl: read('TEST_DATABASE_URL'),
    brokerUrl: read('TEST_RABBITMQ_URL'),
    managementUrl: read('TEST_RABBITMQ_MANAGEMENT_URL'),
  };
}

export interface ProjectOptions {
  readonly size?: UniverseSize;
  readonly esi?: Partial<Behaviour>;
  readonly env?: Readonly<Record<string, string>>;
  readonly servers?: Servers;
}

export interface Status {
  readonly runs: Run[];
  readonly steps: StepRow[];
}

let number = 0;

/** The application with a database, a virtual host, a store of metrics and an ESI of its own. */
export class Project {
  readonly env: Record<string, string | undefined>;
  readonly esi: EsiStandIn;
  readonly db: Pool;
  readonly dir: string;
  readonly #name: string;
  readonly #servers: Servers;
  readonly #processes = new Set<Program>();

  private constructor(name: string, dir: string, servers: Servers, esi: EsiStandIn, env: Project['env']) {
    this.#name = name;
    this.dir = dir;
    this.#servers = servers;
    this.esi = esi;
    this.env = env;
    this.db = new Pool({ connectionString: env['DATABASE_URL'], max: 8 });
    this.db.on('error', () => undefined);
  }

  static async create(options: ProjectOptions = {}): Promise<Project> {
    const servers = options.servers ?? sharedServers();
    number += 1;
    const name = `daily_${process.pid}_${number}`;
    const dir = mkdtempSync(join(tmpdir(), `${name}-`));
    const esi = new EsiStandIn(options.size ?? { alliances: 30, corporations: 150 }, options.esi);
    const [databaseUrl, brokerUrl, esiUrl] = await Promise.all([
      createDatabase(servers.databaseUrl, name),
      createVirtualHost(servers.brokerUrl, servers.managementUrl, name),
      esi.listen(),
    ]);
    return new Project(name, dir, servers, esi, {
      ...plainEnvironment(),
      DATABASE_URL: databaseUrl,
      RABBITMQ_URL: brokerUrl,
      RABBITMQ_MANAGEMENT_URL: servers.managementUrl,
      ESI_BASE_URL: esiUrl,
      ESI_BACKOFF: '20',
      CHECK_INTERVAL: '300',
      LOG_DIR: join(dir, 'logs'),
      ORCHESTRATOR_LOCAL_DIR: join(dir, 'metrics'),
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      ...options.env,
    });
  }

  /** A process of the application. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const program = startApplication(args, { ...this.env, ...env });
    this.#processes.add(program);
    return program;
  }

  startWorkers(env: Readonly<Record<string, string>> = {}): Program[] {
    return WORKER_KINDS.map(({ step }) => this.start([step], env));
  }

  /** A command to its end. */
  async command(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number | null; output: string }> {
    const program = this.start(args, env);
    const code = await program.ended();
    this.#processes.delete(program);
    return { code, output: program.output };
  }

  async runManually(...args: string[]): Promise<void> {
    const { code, output } = await this.command(['run', '--manual', ...args]);
    assert.equal(code, 0, output.slice(-4000));
  }

  async runs(): Promise<Run[]> {
    const { rows } = await this.db.query<Run>(
      `SELECT id, trigger, state, owner, error, scheduled_for AS "scheduledFor" FROM runs ORDER BY id`,
    );
    return rows;
  }

  async steps(run: number): Promise<Map<string, StepRow>> {
    const { rows } = await this.db.query<StepRow>(
      `SELECT step, state, attempts, items, error, worked_ms AS "workedMs" FROM run_steps WHERE run_id = $1 ORDER BY position`,
      [run],
    );
    return new Map(rows.map((row) => [row.step, row]));
  }

  /** The value of a query that answers one number. */
  async number(sql: string, values: readonly unknown[] = []): Promise<number> {
    const { rows } = await this.db.query<Record<string, number>>(sql, [...values]);
    return Number(Object.values(rows[0] ?? {})[0]);
  }

  /** The samples of `/metrics`, from whichever process serves them. */
  async metrics(): Promise<Map<string, number>> {
    return eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${this.env['OTEL_EXPORTER_PROMETHEUS_PORT']}/metrics`);
      assert.equal(answer.status, 200);
      return parseMetrics(await answer.text());
    });
  }

  /** Items by step that the endpoint has counted. */
  async countedItems(outcome: 'done' | 'dead' = 'done'): Promise<Record<string, number>> {
    const samples = await this.metrics();
    const { rows } = await this.db.query<{ step: string }>('SELECT DISTINCT step FROM run_steps');
    return Object.fromEntries(
      rows.map(({ step }) => [
        step,
        sumOf(samples, 'workflow_items_total', { workflow_step: step, workflow_outcome: outcome }),
      ]),
    );
  }

  log(name: string): string {
    return readFileSync(join(this.dir, 'logs', `${name}.log`), 'utf8');
  }

  async end(): Promise<void> {
    await Promise.all([...this.#processes].map((program) => program.stop('SIGKILL')));
    await this.db.end();
    await this.esi.close();
    await dropDatabase(this.#servers.databaseUrl, this.#name);
    await deleteVirtualHost(this.#servers.managementUrl, this.#name);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the tables say about the items of a run, by step. */
export async function itemsInTables(project: Project, run: number): Promise<Record<string, number>> {
  const done = (queue: string): Promise<number> =>
    project.number(`SELECT count(*) FROM work_items WHERE run_id = $1 AND queue = $2 AND state = 'done'`, [
      run,
      queue,
    ]);
  const queued = (queue: string): Promise<number> =>
    project.number('SELECT count(*) FROM work_items WHERE run_id = $1 AND queue = $2', [run, queue]);
  const rows = (table: string): Promise<number> =>
    project.number(`SELECT count(*) FROM ${table} WHERE run_id = $1`, [run]);
  return {
    'queue:alliances': await queued('esi_alliance_info_queue'),
    'worker:info:alliances': await done('esi_alliance_info_queue'),
    'queue:alliance-corporations': await queued('esi_alliance_corporations_queue'),
    'worker:alliance-corporations': await done('esi_alliance_corporations_queue'),
    'worker:info:corporations': await done('esi_corporation_info_queue'),
    'snapshot:alliances': await rows('alliance_snapshots'),
    'snapshot:corporations': await rows('corporation_snapshots'),
  };
}

/** Each alliance and corporation of the universe is in the tables, once, with its details. */
export async function assertTablesComplete(project: Project): Promise<void> {
  const { universe } = project.esi;
  const { rows: alliances } = await project.db.query<{ id: number; name: string }>(
    'SELECT id, name FROM alliances WHERE closed_at IS NULL ORDER BY id',
  );
  assert.deepEqual(
    alliances.map(({ id }) => id),
    universe.allianceIds,
  );
  assert.ok(alliances.every(({ id, name }) => name === `Alliance ${id}`));
  const { rows: corporations } = await project.db.query<{ id: number; name: string; alliance_id: number }>(
    'SELECT id, name, alliance_id FROM corporations ORDER BY id',
  );
  const expected = universe.allianceIds.flatMap((id) => [...(universe.corporationsOf(id) ?? [])]);
  assert.deepEqual(
    corporations.map(({ id }) => id),
    expected.toSorted((a, b) => a - b),
  );
  assert.ok(
    corporations.every(
      ({ id, name, alliance_id }) =>
        name === `Corporation "${id}"` && universe.corporationsOf(alliance_id)?.includes(id),
    ),
  );
}

async function createDatabase(url: string, name: string): Promise<string> {
  await administer(url, `CREATE DATABASE ${name}`);
  const made = new URL(url);
  made.pathname = `/${name}`;
  return made.href;
}

async function dropDatabase(url: string, name: string): Promise<void> {
  await administer(url, `DROP DATABASE ${name} WITH (FORCE)`);
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
