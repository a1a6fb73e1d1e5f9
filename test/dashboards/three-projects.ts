import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

import { discoveredScrape } from '../../src/cli/init/prometheus.js';
import { startOrchestrator } from '../cli/program.js';
import { startApp } from '../helpers/app-process.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startPrometheusIn, type Prometheus } from '../helpers/prometheus.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';

export const PROJECTS: readonly string[] = ['crm', 'hr', 'shop'];

/**
 * Three projects with visitors in one Redis, behind `orchestrator serve`, and a Prometheus that finds them as
 * `orchestrator init --prometheus http-sd` says.
 */
export async function startProjects(owner: Owner): Promise<{ readonly prometheus: Prometheus }> {
  const redis = await startRedis(owner);
  for (const [index, project] of PROJECTS.entries()) {
    const app = startApp(owner, 'server.cjs', {
      env: {
        ORCHESTRATOR_PREFIX: project,
        ORCHESTRATOR_REDIS_URL: redis.url,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_EXPORTER_PROMETHEUS_PORT: '0',
      },
    });
    const url = `http://127.0.0.1:${await app.number('listening')}`;
    const ask = (path: string): void => void fetch(url + path).catch(() => undefined);
    let asked = 0;
    const timer = setInterval(
      () => {
        asked += 1;
        ask(asked % (20 + 30 * index) === 7 ? '/broken' : '/users/7');
      },
      200 / (index + 1),
    );
    owner.after(() => clearInterval(timer));
  }
  const port = await freePort();
  const serve = startOrchestrator(owner, ['serve', '--port', String(port), '--redis-url', redis.url]);
  await serve.waitForStderr(/\d/);
  const dir = scratchDir(owner, 'prometheus');
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(PACKAGE_ROOT, 'dashboards', 'rules', 'projects.yml')],
    ...(parse(discoveredScrape(`127.0.0.1:${port}`, '1s')) as object),
  };
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  return { prometheus: await startPrometheusIn(owner, dir, await freePort()) };
}
