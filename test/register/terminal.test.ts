import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fixturePath, PRELOAD, startProgram } from '../helpers/app-process.js';

/** Runs a program on a terminal that it puts in raw mode, ends it by SIGTERM, and says in which mode the terminal is then. */
const ON_TERMINAL = `
import os, pty, signal, sys, termios
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    for fd in (0, 1, 2): os.dup2(slave, fd)
    os.execv(sys.argv[1], sys.argv[1:])
output = b''
while b'ready' not in output: output += os.read(master, 1000)
os.kill(pid, signal.SIGTERM)
_, status = os.waitpid(pid, 0)
print('raw' if not termios.tcgetattr(slave)[3] & termios.ICANON else 'cooked', 'signal', os.WTERMSIG(status))
`;

test('SIGTERM to an application in raw mode leaves the terminal as it would be left without us', async (t) => {
  const script = "process.stdin.setRawMode(true); setInterval(() => {}, 1000); console.log('ready');";
  const run = async (nodeArgs: readonly string[]): Promise<string> => {
    const args = ['-c', ON_TERMINAL, process.execPath, ...nodeArgs, '-e', script];
    const env = { ORCHESTRATOR_STORE: 'memory', OTEL_EXPORTER_PROMETHEUS_PORT: '0', OTEL_LOG_LEVEL: 'none' };
    return (await startProgram(t, 'python3', args, { cwd: fixturePath('.'), env }).ending).stdout;
  };
  const bare = await run([]);
  assert.equal(bare, 'cooked signal 15\n');
  assert.equal(await run(['--require', PRELOAD]), bare);
});
