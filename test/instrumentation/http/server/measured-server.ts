import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import {
  type HttpServerOptions,
  instrumentHttpServer,
} from '../../../../src/instrumentation/http/server/server.js';
import { attributesText, CollectedMetrics } from '../../collected-metrics.js';

const DURATION = 'http.server.request.duration';
const ACTIVE = 'http.server.active_requests';

/** The labels that every request over plain HTTP/1.1 has. */
export const COMMON = 'network.protocol.version=1.1,url.scheme=http';

/** What a test reads of the server that is measured. */
export interface MeasuredServer {
  readonly port: number;
  readonly server: Server;
  readonly metrics: CollectedMetrics;
  /** Each series of the duration with its count, once `requests` of them are counted and none is active. */
  durations(requests: number): Promise<Record<string, number>>;
  /** Seconds of all requests of a series together. */
  seconds(series: string): Promise<number>;
}

export interface MeasuredServerOptions extends Omit<HttpServerOptions, 'meter'> {
  readonly server?: ServerOptions;
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
}

/** Starts a server whose requests are measured; both end with the test. */
export async function measuredServer(
  t: TestContext,
  listener: RequestListener,
  { server: options = {}, tls, ...measured }: MeasuredServerOptions = {},
): Promise<MeasuredServer> {
  const metrics = new CollectedMetrics();
  const instrumentation = instrumentHttpServer({ meter: metrics.meter, maxNormalizedRoutes: 0, ...measured });
  const server =
    tls === undefined ? createServer(options, listener) : createTlsServer({ ...options, ...tls }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    instrumentation.stop();
    server.closeAllConnections();
    server.close();
    await metrics.shutdown();
  });
  return {
    port: (server.address() as AddressInfo).port,
    server,
    metrics,
    async durations(requests) {
      for (;;) {
        const series = await metrics.series(DURATION);
        const active = Object.values(await metrics.series(ACTIVE));
        const count = Object.values(series).reduce((sum, each) => sum + each, 0);
        if (count >= requests && active.every((each) => each === 0)) return series;
        await delay(5);
      }
    },
    async seconds(series) {
      for (const { attributes, value } of await metrics.points(DURATION))
        if (attributesText(attributes) === series && typeof value === 'object')
          return value.sum ?? Number.NaN;
      throw new Error(`${series} is not there`);
    },
  };
}
