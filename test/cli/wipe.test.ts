import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SHARED_STORES } from '../end-to-end/stores.js';
import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { get, scrape } from '../helpers/scrape.js';
import { valuesOf } from '../contract/bed.js';
import { newFilledStore, traffic } from './filled-store.js';
import { runProgram } from './program.js';
import { plainText, PseudoTerminal } from './pseudo-terminal.js';

for (const kind of SHARED_STORES) {
  describe(`wipe with the ${kind} store`, () => {
    test('says what goes, and asks: no is the default, yes deletes', async (t) => {
      const store = await newFilledStore(t, kind);
      const shop = store.instance('shop');
      const crm = store.instance('crm');
      await shop.send(traffic(2));
      await crm.send(traffic(1));
      const before = valuesOf(await shop.store.snapshot());
      for (const keys of ['\r', 'n', '\u0003', '\u001B']) {
        const no = new PseudoTerminal(t, ['wipe', 'shop'], { env: store.env });
        await eventually(() => assert.match(plainText(no.output), /Delete all metrics of "shop" for good\?/));
        no.type(keys);
        assert.deepEqual(await no.ended(), { code: 1, restored: true }, JSON.stringify(keys));
        assert.match(
          plainText(no.output),
          /The project "shop" \(shop\) has 3 metrics with 4 series, .*One live process goes on from zero\./,
        );
        assert.match(plainText(no.output), /Nothing was deleted\./);
        assert.deepEqual(valuesOf(await shop.store.snapshot()), before);
      }
      const yes = new PseudoTerminal(t, ['wipe', 'shop'], { env: store.env });
      await eventually(() => assert.match(plainText(yes.output), /for good\?/));
      yes.type('y');
      assert.deepEqual(await yes.ended(), { code: 0, restored: true });
      assert.deepEqual(valuesOf(await shop.store.snapshot()), {});
      assert.equal(valuesOf(await crm.store.snapshot())['jobs.done']?.['kind=mail']?.[0], 1);
      // The same instance goes on from zero.
      await shop.send(traffic(5));
      assert.equal(valuesOf(await shop.store.snapshot())['jobs.done']?.['kind=mail']?.[0], 5);
    });

    test('in a pipe it asks nobody: --yes is needed', async (t) => {
      const store = await newFilledStore(t, kind);
      const shop = store.instance('shop');
      await shop.send(traffic(2));
      const asked = await runProgram(['wipe', 'shop'], { env: store.env });
      assert.equal(asked.code, 64);
      assert.match(asked.stderr, /Nobody can be asked here.*--yes says yes\./);
      assert.notDeepEqual(valuesOf(await shop.store.snapshot()), {});
      const { code, stdout } = await runProgram(['wipe', 'shop', '-y', '--json'], { env: store.env });
      assert.deepEqual([code, JSON.parse(stdout)], [0, { project: 'shop', wiped: true }]);
      assert.deepEqual(valuesOf(await shop.store.snapshot()), {});
    });

    test('--family deletes some metrics', async (t) => {
      const store = await newFilledStore(t, kind);
      const shop = store.instance('shop');
      await shop.send(traffic(2));
      const { code, stderr } = await runProgram(['wipe', 'shop', '--family', 'jobs_*,process_*', '--yes'], {
        env: store.env,
      });
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /Of the project "shop", 1 series of jobs_done_total\. One live process goes on from zero\./,
      );
      assert.match(
        stderr,
        /These stay, because live processes say them anew all the time: process_memory_usage\./,
      );
      assert.deepEqual(Object.keys(valuesOf(await shop.store.snapshot())).toSorted(), [
        'http.server.request.duration',
        'process.memory.usage',
      ]);
      await shop.send(traffic(1));
      const after = valuesOf(await shop.store.snapshot());
      assert.deepEqual(after['jobs.done'], { 'kind=mail': [1] });
      assert.equal(Object.values(after['http.server.request.duration'] ?? {})[0]?.[1], 3);
      const none = await runProgram(['wipe', 'shop', '--family', 'nothing_*', '--yes'], { env: store.env });
      assert.equal(none.code, 66);
      assert.match(none.stderr, /has no stored metric that matches/);
    });

    test('an application that runs counts on from zero, each request once', async (t) => {
      const store = await newFilledStore(t, kind);
      const metricsPort = await freePort();
      const app = startApp(t, 'server.cjs', {
        env: {
          ...store.env,
          ORCHESTRATOR_PREFIX: 'shop',
          OTEL_METRIC_EXPORT_INTERVAL: '300',
          OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
        },
      });
      const port = await app.number('listening');
      const counted = async (): Promise<number> => {
        const exposition = await scrape(metricsPort);
        return exposition.sum('http_server_request_duration_seconds_count');
      };
      for (const words of [
        ['wipe', 'shop', '--yes'],
        ['wipe', 'shop', '--family', 'http_*', '--yes'],
      ]) {
        for (let request = 0; request < 5; request += 1) await get(port, '/');
        await eventually(async () => assert.ok((await counted()) >= 5));
        const { code, stderr } = await runProgram(words, { env: store.env });
        assert.equal(code, 0, stderr);
        for (let request = 0; request < 3; request += 1) await get(port, '/');
        await eventually(async () => assert.equal(await counted(), 3));
      }
    });
  });
}
