import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';

import { startApp } from '../../helpers/app-process.js';
import { makeCertificates } from '../../helpers/certificates.js';
import { eventually } from '../../helpers/eventually.js';
import { onEnd, suiteOwner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { startProxy } from '../../helpers/proxy.js';
import { scratchDir } from '../../helpers/scratch.js';
import { runProgram } from '../program.js';
import { assertFound, examine, redisBench } from './bench.js';

/** Faults of the metrics port and of what answers there, each planted in a project where nothing else is wrong. */

void suite('the endpoint of a project in Redis', () => {
  const owner = suiteOwner();
  const started = redisBench(owner);

  test('port-taken: another program', async (context) => {
    const server = createServer((_request, response) => response.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onEnd(context, () => void server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(address.port) };
    const diagnosis = await examine(context, await started, { env });
    assertFound(diagnosis, 'port-taken');
    const [{ what, fix } = { what: '', fix: '' }] = diagnosis.findings;
    assert.match(what, new RegExp(`another program, process ${process.pid}: `));
    assert.match(fix, /^export OTEL_EXPORTER_PROMETHEUS_PORT=[1-9]\d+$/);
  });

  test('port-taken: another project', async (context) => {
    const bench = await started;
    const env = { ...bench.env, ORCHESTRATOR_PREFIX: 'crm', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
    await startApp(context, 'server.cjs', { env }).number('listening');
    await eventually(async () =>
      assert.equal(await bench.redis.client().exists('orchestrator:{crm}:project'), 1),
    );
    const diagnosis = await examine(context, bench, { args: ['crm'] });
    assertFound(diagnosis, 'port-taken');
    assert.match(
      diagnosis.findings[0]?.what ?? '',
      new RegExp(`held by the project "shop", process ${bench.app.pid}: `),
    );
  });

  test('endpoint-silent: processes run here, and nobody serves', async (context) => {
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    const diagnosis = await examine(context, await started, { env });
    assertFound(diagnosis, 'endpoint-silent');
    assert.match(diagnosis.findings[0]?.what ?? '', /although one process of "shop" run/);
  });

  const certificates = makeCertificates(scratchDir(owner, 'tls'));
  for (const scheme of ['http', 'https'] as const) {
    test(`endpoint-fails: over ${scheme}, the process that serves cannot read its store any more`, async (context) => {
      const bench = await started;
      const proxy = await startProxy(context, bench.redis.port);
      const port = await freePort();
      const { serverCert, serverKey } = await certificates;
      const env = {
        ...bench.env,
        ORCHESTRATOR_PREFIX: `cut-${scheme}`,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
        ...(scheme === 'https' && {
          ORCHESTRATOR_METRICS_TLS_CERT: serverCert,
          ORCHESTRATOR_METRICS_TLS_KEY: serverKey,
        }),
      };
      startApp(context, 'server.cjs', { env: { ...env, ORCHESTRATOR_REDIS_URL: proxy.url } });
      // It is reached, and nothing is wrong as long as it can read.
      await eventually(async () => assertFound(await examine(context, bench, { env })), { everyMs: 500 });
      // The other process goes on, so that only the endpoint is at fault.
      const other = { ...env, OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
      await startApp(context, 'server.cjs', { env: other }).number('listening');
      await eventually(async () => {
        const { stdout } = await runProgram(['instances'], { env });
        assert.equal(stdout.trim().split('\n').length, 3, stdout);
      });
      proxy.refuse = true;
      proxy.cut();
      const diagnosis = await examine(context, bench, { env });
      assertFound(diagnosis, 'endpoint-fails');
      assert.match(
        diagnosis.findings[0]?.what ?? '',
        new RegExp(`^${scheme}://127\\.0\\.0\\.1:${port}/metrics\\?project=cut-${scheme} answers 503: `),
      );
    });
  }

  test('endpoint-fails: a certificate that has expired, as Prometheus sees it', async (context) => {
    const bench = await started;
    const dir = scratchDir(context, 'expired');
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' });
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
    openssl('req', ...newKey, '-subj', '/CN=127.0.0.1', '-out', `${cert}.request`);
    openssl('x509', '-req', '-in', `${cert}.request`, '-signkey', key, '-days', '-1', '-out', cert);
    const port = await freePort();
    const env = {
      ...bench.env,
      ORCHESTRATOR_PREFIX: 'expired',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      ORCHESTRATOR_METRICS_TLS_CERT: cert,
      ORCHESTRATOR_METRICS_TLS_KEY: key,
    };
    await startApp(context, 'server.cjs', { env }).number('listening');
    await eventually(
      async () => {
        const diagnosis = await examine(context, bench, { env });
        assertFound(diagnosis, 'endpoint-fails');
        assert.match(diagnosis.findings[0]?.what ?? '', /answers nothing: certificate has expired/);
      },
      { everyMs: 500 },
    );
  });
});
