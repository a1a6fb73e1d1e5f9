import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { instrumentFrameworks } from '../../../src/instrumentation/frameworks/frameworks.js';
import { instrumentHttpServer } from '../../../src/instrumentation/http/server/server.js';
import { CollectedMetrics } from '../collected-metrics.js';
import { fetchStatus } from '../http/http-traffic.js';

instrumentFrameworks({ main: __filename });

/** Loads a framework as an application does, after the instrumentation. */
export const load: NodeJS.Require = createRequire(__filename);

/** A request, and the label that it must have: `status route`, or the status alone for none. */
export type Expected = Readonly<Record<string, string>>;

/**
 * Sends `GET` for each path to an application, one after the other.
 *
 * @returns what each of them became, in the form of {@link Expected}
 */
export async function labelsOf(
  t: TestContext,
  application: RequestListener,
  paths: readonly string[],
): Promise<Record<string, string>> {
  const metrics = new CollectedMetrics();
  const instrumentation = instrumentHttpServer({ meter: metrics.meter });
  const server = createServer(application);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    instrumentation.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });
  const { port } = server.address() as AddressInfo;
  const counted: Record<string, number> = {};
  const labels: Record<string, string> = {};
  for (const path of paths) {
    await fetchStatus(port, path);
    labels[path] = await next(metrics, counted);
  }
  return labels;
}

/** The label of the one request that is counted more than in `counted`, which is brought up to date. */
async function next(metrics: CollectedMetrics, counted: Record<string, number>): Promise<string> {
  for (;;) {
    for (const { attributes, value } of await metrics.points('http.server.request.duration')) {
      const { 'http.response.status_code': status, 'http.route': route } = attributes;
      const label = [status, route].filter((part) => part !== undefined).join(' ');
      const count = typeof value === 'object' ? value.count : 0;
      if (count > (counted[label] ?? 0)) {
        counted[label] = count;
        return label;
      }
    }
    await delay(2);
  }
}
