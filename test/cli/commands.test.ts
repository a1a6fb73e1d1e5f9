import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { SHARED_STORES } from '../end-to-end/stores.js';
import { Exposition } from '../helpers/exposition.js';
import { scratchDir } from '../helpers/scratch.js';
import { countWithPython } from '../helpers/prometheus.js';
import { hangingServer } from '../helpers/hanging-server.js';
import { newFilledStore, traffic } from './filled-store.js';
import { runProgram } from './program.js';
import { plainText, PseudoTerminal } from './pseudo-terminal.js';

for (const kind of SHARED_STORES) {
  describe(`with the ${kind} store`, () => {
    test('projects lists prefix, name, instances, metrics, series, bytes and last write', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('My Shop').send(traffic(2));
      const [a, b] = [store.instance('crm'), store.instance('crm')];
      await a.send(traffic(1));
      await b.send(traffic(1, ['/third']));
      await store.instance('ended').send(traffic(1));
      const { stdout, code } = await runProgram(['projects'], { env: store.env });
      assert.equal(code, 0);
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/));
      assert.deepEqual(
        rows.map(([prefix, name, instances, families, series]) => [
          prefix,
          name,
          instances,
          families,
          series,
        ]),
        [
          ['PROJECT', 'NAME', 'INSTANCES', 'FAMILIES', 'SERIES'],
          ['crm', 'crm', '2', '3', '5'],
          ['ended', 'ended', '1', '3', '4'],
          ['my_shop', 'My Shop', '1', '3', '4'],
        ],
      );
      for (const [, , , , , bytes, last] of rows.slice(1)) {
        assert.match(bytes ?? '', /^[\d.]+ (?:B|KiB)$/);
        assert.match(last ?? '', /^\d+ (?:ms|s) ago$/);
      }
      const some = await runProgram(['projects', 'c*', '--json'], { env: store.env });
      const [crm, ...others] = JSON.parse(some.stdout) as Array<Record<string, unknown>>;
      assert.deepEqual(others, []);
      assert.deepEqual(
        {
          ...crm,
          bytes: typeof crm?.['bytes'],
          lastWrite: !Number.isNaN(Date.parse(String(crm?.['lastWrite']))),
        },
        {
          prefix: 'crm',
          name: 'crm',
          instances: 2,
          families: 3,
          series: 5,
          bytes: 'number',
          lastWrite: true,
        },
      );
    });

    test('a project whose processes have ended keeps its last write', async (t) => {
      const store = await newFilledStore(t, kind);
      const job = store.instance('job');
      await job.send(traffic(1));
      await job.store.endLease();
      const { stdout } = await runProgram(['projects', '--json'], { env: store.env });
      const [found] = JSON.parse(stdout) as Array<{ instances: number; lastWrite: string }>;
      assert.equal(found?.instances, 0);
      const age = Date.now() - Date.parse(found?.lastWrite ?? '');
      assert.ok(age >= -5000 && age < 60_000, `${age} ms`);
    });

    test('instances shows the live processes', async (t) => {
      const store = await newFilledStore(t, kind);
      const [a, b] = [store.instance('shop'), store.instance('shop')];
      await a.send(traffic(1));
      await b.send(traffic(1));
      await b.store.endLease();
      const { stdout } = await runProgram(['instances', 'shop'], { env: store.env });
      assert.match(
        stdout,
        /^INSTANCE +HOST +PID +NODE +STARTED +VALUES +LAST FLUSH\nlease-\d+ +web-1 +\d+ +20\.1\.2 +- +1 +\d+ (?:ms|s) ago\n$/,
      );
      const [one] = JSON.parse(
        (await runProgram(['instances', '--json'], { env: { ...store.env, ORCHESTRATOR_PREFIX: 'Shop' } }))
          .stdout,
      ) as Array<{
        resource: Record<string, string>;
      }>;
      assert.equal(one?.resource['host.name'], 'web-1');
      const unknown = await runProgram(['instances', 'nope'], { env: store.env });
      assert.match(
        unknown.stderr,
        /^orchestrator: There is no project "nope" in (?:redis|local) .*\. It has: shop\.\n$/,
      );
      assert.equal(unknown.code, 66);
    });

    test('series shows what costs most, and which label makes it', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('shop').send(
        traffic(
          1,
          Array.from({ length: 30 }, (_, index) => `/r/${index}`),
        ),
      );
      const { stdout } = await runProgram(['series', 'shop', '--top', '1'], { env: store.env });
      assert.match(stdout, /^http_server_request_duration_seconds +histogram +30 +2 % +180$/m);
      assert.match(stdout, /^3 metrics, 32 series, 182 samples at each scrape\.$/m);
      assert.match(stdout, /^http_route +http_server_request_duration_seconds +30 +29 +\/r\/\d+$/m);
      const json = JSON.parse(
        (await runProgram(['series', 'shop', '--family', 'jobs_*', '--json'], { env: store.env })).stdout,
      ) as {
        series: number;
        metrics: Array<{ metric: string }>;
      };
      assert.equal(json.series, 1);
      assert.deepEqual(
        json.metrics.map(({ metric }) => metric),
        ['jobs_done_total'],
      );
    });

    test('snapshot prints an exposition, as text and as OpenMetrics', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('shop').send(traffic(3));
      const { stdout } = await runProgram(['snapshot', 'shop'], { env: store.env });
      assert.ok(new Exposition(stdout).lines > 10);
      assert.match(stdout, /^jobs_done_total\{.*kind="mail".*\} 3$/m);
      const open = await runProgram(['snapshot', 'shop', '--format', 'openmetrics'], { env: store.env });
      assert.ok((await countWithPython(open.stdout, 'openmetrics')) > 10);
      const one = await runProgram(['snapshot', 'shop', '--family', 'jobs.*'], { env: store.env });
      assert.doesNotMatch(one.stdout, /http_server/);
      assert.match(one.stdout, /^jobs_done_total/m);
    });

    test('diff compares files, and a file with now', async (t) => {
      const store = await newFilledStore(t, kind);
      const dir = scratchDir(t, 'diff');
      const instance = store.instance('shop');
      const [before, after] = [join(dir, 'before.json'), join(dir, 'after.json')];
      await instance.send(traffic(2));
      writeFileSync(before, (await runProgram(['snapshot', 'shop', '--json'], { env: store.env })).stdout);
      await instance.send(traffic(3, ['/orders', '/new']));
      writeFileSync(after, (await runProgram(['snapshot', 'shop', '--json'], { env: store.env })).stdout);
      const files = await runProgram(['diff', before, after, '--exit-code']);
      assert.equal(files.code, 1, files.stderr);
      assert.match(files.stderr, /^3 series changed within /);
      assert.match(
        files.stdout,
        /^ +\+3, mean 0\.05 s +2 +5 +http_server_request_duration_seconds\{.*http_route="\/orders"\}$/m,
      );
      assert.match(files.stdout, /^\+ +\+3, mean 0\.05 s +- +3 +http_server.*"\/new"\}$/m);
      assert.match(files.stdout, /^ +\+3 +2 +5 +jobs_done_total\{kind="mail"\}$/m);
      const now = await runProgram(['diff', before, '--family', 'jobs_*', '--json'], { env: store.env });
      const { changes } = JSON.parse(now.stdout) as {
        changes: Array<{ metric: string; difference: number[] }>;
      };
      assert.deepEqual(
        changes.map(({ metric, difference }) => [metric, difference]),
        [['jobs_done_total', [3]]],
      );
      const same = await runProgram(['diff', after, after, '--exit-code']);
      assert.deepEqual([same.code, same.stdout], [0, '']);
    });

    test('each command works on a terminal', async (t) => {
      const store = await newFilledStore(t, kind);
      await store.instance('shop').send(traffic(1));
      for (const [words, expected] of [
        [['projects'], /shop/],
        [['instances', 'shop'], /web-1/],
        [['series', 'shop'], /jobs_done_total/],
        [['snapshot', 'shop'], /jobs_done_total/],
        [['diff', 'shop', '--wait', '100ms'], /Nothing changed/],
        [['watch', 'shop', '--count', '1'], /requests 0\.0\/s/],
      ] as const) {
        const terminal = new PseudoTerminal(t, words, { env: store.env });
        assert.deepEqual(await terminal.ended(), { code: 0, restored: true }, words.join(' '));
        assert.match(plainText(terminal.output), expected);
      }
    });
  });
}

describe('a Redis', () => {
  test('that does not answer is given up', async (t) => {
    const port = await hangingServer(t);
    const { code, stderr } = await runProgram(['projects'], {
      env: { ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${port}`, OTEL_METRIC_EXPORT_TIMEOUT: '300' },
    });
    assert.match(stderr, /no answer within 300 ms|ETIMEDOUT|timeout/i);
    assert.equal(code, 69);
  });

  test('that is full: a wipe of everything says so and deletes nothing, one of some metrics makes room', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await store.instance('shop').send(traffic(1));
    const client = store.redis?.client();
    await client?.config('SET', 'maxmemory', '1');
    // Its mark is a write, and comes before the deletion.
    const all = await runProgram(['wipe', 'shop', '--yes'], { env: store.env });
    assert.match(all.stderr, /^orchestrator: .*OOM command not allowed.*$/m);
    assert.equal(all.code, 74);
    // This only deletes, and makes room.
    const some = await runProgram(['wipe', 'shop', '--family', 'jobs_*', '--yes'], { env: store.env });
    assert.match(some.stderr, /^Deleted: one metric of "shop"\.$/m);
    assert.equal(some.code, 0);
    await client?.config('SET', 'maxmemory', '0');
    const { stdout } = await runProgram(['snapshot', 'shop'], { env: store.env });
    assert.doesNotMatch(stdout, /^jobs_done_total/m);
    assert.match(stdout, /^http_server_request_duration_seconds_count\{.*\} 1$/m);
  });
});
