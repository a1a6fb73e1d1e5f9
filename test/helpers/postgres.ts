import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { unprivilegedAccount } from './account.js';
import { Daemon } from './daemon.js';
import { eventually } from './eventually.js';
import { onEnd, type Owner } from './owner.js';
import { freePort } from './ports.js';
import { scratchDir } from './scratch.js';

/** Debian keeps the server's programs off the PATH, one folder for each version. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder of `initdb` and `postgres`; undefined if no server is installed. */
export function postgresPrograms(): string | undefined {
  try {
    const [newest] = readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a));
    return newest === undefined ? undefined : join(DEBIAN, newest, 'bin');
  } catch {
    return undefined;
  }
}

/** A private PostgreSQL on a free port of 127.0.0.1, stopped when its owner ends. Answers its URL. */
export async function startPostgres(owner: Owner): Promise<string> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error(`no PostgreSQL server in ${DEBIAN}`);
  const dir = scratchDir(owner, 'postgres');
  const port = await freePort();
  const account = unprivilegedAccount('postgres');
  if (account !== undefined) chownSync(dir, account.uid, account.gid);
  const data = join(dir, 'data');
  execFileSync(join(programs, 'initdb'), ['--auth=trust', '--no-sync', '--username=shop', '--pgdata', data], {
    ...account,
    stdio: 'pipe',
  });
  const daemon = new Daemon(
    join(programs, 'postgres'),
    ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', dir, '-F'],
    dir,
    account,
  );
  onEnd(owner, () => daemon.stop('SIGQUIT'));
  await eventually(() => {
    daemon.assertRunning();
    execFileSync(join(programs, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'pipe' });
  });
  return `postgres://shop@127.0.0.1:${port}/postgres`;
}
