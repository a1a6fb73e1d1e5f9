import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { unprivilegedAccount } from './account.js';
import { Daemon } from './daemon.js';
import { eventually } from './eventually.js';
import { onEnd, type Owner } from './owner.js';
import { freePort } from './ports.js';
import { scratchDir } from './scratch.js';

/** Debian's folder of it is not on the PATH of every user. */
const SERVER = '/usr/sbin/mariadbd';

export function hasMariadb(): boolean {
  return existsSync(SERVER);
}

/** A private MariaDB on a free port of 127.0.0.1 with a database `shop`, stopped when its owner ends. Answers its URL. */
export async function startMariadb(owner: Owner): Promise<string> {
  const dir = scratchDir(owner, 'mariadb');
  const port = String(await freePort());
  const account = unprivilegedAccount('mysql');
  if (account !== undefined) chownSync(dir, account.uid, account.gid);
  const data = join(dir, 'data');
  const init = join(dir, 'init.sql');
  writeFileSync(init, 'CREATE DATABASE shop;\n');
  // Servers that share a folder for temporary files remove each other's.
  const settings = ['--no-defaults', `--datadir=${data}`, `--tmpdir=${dir}`, '--innodb-log-file-size=4M'];
  execFileSync(
    'mariadb-install-db',
    [...settings, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { ...account, stdio: 'pipe' },
  );
  const daemon = new Daemon(
    SERVER,
    [
      ...settings,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${join(dir, 's')}`,
      `--init-file=${init}`,
      '--innodb-buffer-pool-size=16M',
      '--skip-name-resolve',
    ],
    dir,
    account,
  );
  onEnd(owner, () => daemon.stop('SIGKILL'));
  await eventually(() => {
    daemon.assertRunning();
    const where = ['--no-defaults', '-h', '127.0.0.1', '-P', port, '-u', 'root'];
    execFileSync('mariadb', [...where, '-e', 'USE shop'], { stdio: 'pipe' });
  });
  return `mysql://root@127.0.0.1:${port}/shop`;
}
