import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

import { eventually } from './helpers/eventually.js';
import { GatewayProcess } from './helpers/gateway-process.js';
import { scratch } from './helpers/scratch.js';
import { answer, TestUpstream } from './helpers/upstream.js';

const REQUESTS = 4000;

it('LOG_FILE is rotated while requests are logged, and no line is lost', async () => {
  const folder = join(scratch(), 'logs');
  const service = await TestUpstream.start(answer());
  const gateway = await GatewayProcess.start({
    config: {
      upstreams: { s: { targets: [{ url: service.url }] } },
      routes: [{ name: 'r', path: '/r/*', upstream: 's' }],
    },
    env: { LOG_FILE: join(folder, 'gateway.log'), LOG_LEVEL: 'debug', LOG_ROTATE_MB: '1' },
  });
  try {
    const padding = 'x'.repeat(600);
    let next = 0;
    const ask = async (): Promise<void> => {
      while (next < REQUESTS)
        await fetch(`${gateway.url}/r/${(next += 1)}?${padding}`).then((response) => response.arrayBuffer());
    };
    await Promise.all(Array.from({ length: 8 }, ask));
    await eventually(() => {
      const files = readdirSync(folder);
      const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'));
      const urls = lines
        .map((line) => JSON.parse(line) as { readonly msg: string; readonly url?: string })
        .filter(({ msg }) => msg === 'answered')
        .map(({ url = '' }) => url.replace(/\?.*$/, ''));
      assert.ok(files.length >= 3, files.join(', '));
      assert.deepEqual(urls.toSorted(), Array.from({ length: REQUESTS }, (_, n) => `/r/${n + 1}`).toSorted());
    });
  } finally {
    await gateway.stop();
    await service.stop();
  }
});
