import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

import { ROOT } from './helpers/gateway-process.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** What the document of the gateway promises: each has a row. */
const PROMISES: readonly RegExp[] = [
  /routing and reverse proxy/,
  /retries and timeouts per route, `ORCHESTRATOR_RETRY_COUNT`, `ORCHESTRATOR_TIMEOUT_MS`/,
  /circuit breakers for slow and absent services/,
  /`GET \/health`, `GET \/status` with dependencies/,
  /`GET \/metrics` on port 8000/,
  /`POST \/orchestrate`/,
  /structured logs, rotated/,
  /`\.env`/,
  /Docker, compose, a process manager's restart/,
  /PostgreSQL, migrations by one command/,
  /queues by RabbitMQ/,
  /API keys, JWT, OAuth/,
  /`APP_DEBUG=false` hides details/,
  /tests, lint, format/,
];

function rows(): string[] {
  const from = README.indexOf('## What is promised');
  const lines = README.slice(from, README.indexOf('\n## ', from + 3)).split('\n');
  return lines.filter((line) => line.startsWith('| ')).slice(2);
}

it('the README has a row for each promise', () => {
  const promises = rows().map((row) => row.split('|')[1] ?? '');
  for (const promise of PROMISES)
    assert.ok(
      promises.some((text) => promise.test(text)),
      String(promise),
    );
});

it('what the rows name is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  for (const row of rows()) {
    const shown = row.split('|')[2] ?? '';
    const names = [...shown.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    assert.ok(names.length > 0, row);
    for (const name of names) {
      if (/^[a-z]+\/\S+\.ts$/.test(name)) assert.ok(existsSync(join(ROOT, name)), name);
      const script = /^npm (?:run )?([a-z:0-9-]+)/.exec(name)?.[1];
      if (script !== undefined) assert.ok(scripts[script] !== undefined, name);
    }
  }
});
