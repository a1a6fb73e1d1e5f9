import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { request } from 'undici';

import { Broker } from '../broker/broker.js';
import { listQueues, managementOf, queueDepth } from '../broker/queue-depth.js';
import { QUEUE_NAMES } from '../broker/queues.js';
import { openDatabase } from '../database/database.js';
import { migrate } from '../database/migrate.js';
import { newestRuns } from '../database/runs.js';
import { ALLIANCES, pathOf } from '../esi/endpoints.js';
import type { Log } from '../log/log.js';
import type { Settings } from '../settings/settings.js';
import { WORKER_KINDS } from '../workers/kinds.js';

export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

export interface Check {
  readonly name: string;
  readonly check: (settings: Settings, log: Log) => Promise<CheckResult>;
}

const TIMEOUT_MS = 10_000;
const PROCESSES: readonly string[] = ['daily-orchestrator', ...WORKER_KINDS.map(({ process }) => process)];

/** The checklist, in the order in which things are set up. */
export const CHECKS: readonly Check[] = [
  { name: 'database', check: database },
  { name: 'broker', check: broker },
  { name: 'management API', check: managementApi },
  { name: 'workers on each queue', check: workersOnEachQueue },
  { name: 'ESI', check: esi },
  { name: 'log folder', check: logFolder },
  { name: 'a run has succeeded', check: aRunHasSucceeded },
  { name: 'processes in PM2', check: processesInPm2 },
  { name: 'pm2 save', check: pm2Saved },
  { name: 'pm2 startup', check: pm2Startup },
];

async function database(settings: Settings, log: Log): Promise<CheckResult> {
  await migrate(settings.DATABASE_URL, log);
  return { ok: true, detail: 'reachable, tables up to date' };
}

async function broker(settings: Settings, log: Log): Promise<CheckResult> {
  return withBroker(settings, log, async () => ({ ok: true, detail: 'reachable' }));
}

async function managementApi(settings: Settings): Promise<CheckResult> {
  const management = managementOf(settings.RABBITMQ_MANAGEMENT_URL, settings.RABBITMQ_URL);
  if (management === undefined) {
    return {
      ok: true,
      detail: 'not used: RABBITMQ_MANAGEMENT_URL is not set, unacknowledged messages are unknown',
    };
  }
  return { ok: true, detail: `reachable, ${(await listQueues(management)).length} queues` };
}

/** Each queue, not any: one worker that runs says nothing about the other two. */
async function workersOnEachQueue(settings: Settings, log: Log): Promise<CheckResult> {
  return withBroker(settings, log, async (connected) => {
    const found: string[] = [];
    let ok = true;
    for (const queue of QUEUE_NAMES) {
      const consumers = await queueDepth(connected, undefined, queue).then(
        (depth) => depth.consumers,
        () => 0,
      );
      ok &&= consumers > 0;
      found.push(`${queue}: ${consumers}`);
    }
    return { ok, detail: found.join('\n') };
  });
}

async function esi({ ESI_BASE_URL, ESI_USER_AGENT }: Settings): Promise<CheckResult> {
  const { statusCode, body } = await request(`${ESI_BASE_URL.replace(/\/$/, '')}${pathOf(ALLIANCES)}`, {
    headers: { 'user-agent': ESI_USER_AGENT },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await body.dump();
  return { ok: statusCode === 200, detail: `answered ${statusCode}` };
}

async function logFolder({ LOG_DIR }: Settings): Promise<CheckResult> {
  await mkdir(LOG_DIR, { recursive: true });
  const file = join(LOG_DIR, `.check-${randomUUID()}`);
  await writeFile(file, '');
  await rm(file);
  return { ok: true, detail: `${LOG_DIR} can be written` };
}

async function aRunHasSucceeded(settings: Settings, log: Log): Promise<CheckResult> {
  const pool = openDatabase(settings.DATABASE_URL, log);
  try {
    const run = (await newestRuns(pool, 100)).find(({ state }) => state === 'succeeded');
    if (run === undefined)
      return { ok: false, detail: 'none yet: npm run worker:daily-orchestrator -- --manual' };
    return { ok: true, detail: `run ${run.id}, ended ${run.endedAt?.toISOString() ?? ''}` };
  } finally {
    await pool.end();
  }
}

async function processesInPm2(): Promise<CheckResult> {
  const { stdout } = await promisify(execFile)('pm2', ['jlist', '--silent'], { timeout: TIMEOUT_MS });
  const listed = JSON.parse(stdout.slice(stdout.indexOf('['))) as Array<{
    name: string;
    pm2_env: { status: string };
  }>;
  const states = PROCESSES.map((name) => {
    const instances = listed.filter((one) => one.name === name);
    const online = instances.filter(({ pm2_env: { status } }) => status === 'online').length;
    return { online: online > 0, text: `${name}: ${online} of ${instances.length} online` };
  });
  return { ok: states.every(({ online }) => online), detail: states.map(({ text }) => text).join('\n') };
}

function pm2Home(): string {
  return process.env['PM2_HOME'] ?? join(homedir(), '.pm2');
}

async function pm2Saved(): Promise<CheckResult> {
  const dump = join(pm2Home(), 'dump.pm2');
  if (!existsSync(dump)) return { ok: false, detail: 'not done: pm2 save' };
  const saved = new Set(
    (JSON.parse(readFileSync(dump, 'utf8')) as Array<{ name: string }>).map(({ name }) => name),
  );
  const missing = PROCESSES.filter((name) => !saved.has(name));
  if (missing.length > 0) return { ok: false, detail: `${missing.join(', ')} missing: pm2 save` };
  return { ok: true, detail: 'all processes are saved' };
}

/** `pm2 startup` installs a service whose name starts with `pm2-`. */
async function pm2Startup(): Promise<CheckResult> {
  for (const folder of ['/etc/systemd/system', '/etc/init.d', join(homedir(), 'Library/LaunchAgents')]) {
    const files = await readdir(folder).catch(() => []);
    const service = files.find((file) => /^pm2[-.]/.test(file));
    if (service !== undefined) return { ok: true, detail: join(folder, service) };
  }
  return { ok: false, detail: 'not done: pm2 startup, and run the command that it prints' };
}

async function withBroker<T>(
  settings: Settings,
  log: Log,
  use: (connected: Broker) => Promise<T>,
): Promise<T> {
  const connection = await Broker.open(settings.RABBITMQ_URL, 'daily-orchestrator check', log);
  try {
    await connection.reached(TIMEOUT_MS);
    return await use(connection);
  } finally {
    await connection.close();
  }
}
