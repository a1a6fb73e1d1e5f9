import assert from 'node:assert/strict';

import type { Snapshot } from '../../src/model/snapshot.js';
import { Exposition } from '../../src/prometheus/exposition.js';
import type { AccessControl } from '../../src/server/access/access-control.js';
import { Endpoint, type EndpointSettings } from '../../src/server/endpoint/endpoint.js';
import { MetricsServer, type MetricsServerOptions } from '../../src/server/metrics-server.js';
import { Scraper } from '../../src/server/scrape/scraper.js';
import { counter, series } from '../contract/bed.js';
import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { Warnings } from '../helpers/warnings.js';

export const snapshotOf = (value: number): Snapshot => ({
  resource: [],
  instances: 1,
  families: [{ family: counter('c'), series: [{ series: series(), startMs: 1000, values: [value] }] }],
});

/** No credentials, no TLS. */
export const OPEN: EndpointSettings = {
  metricsToken: [],
  metricsTokenFile: undefined,
  metricsBasicAuth: [],
  metricsBasicAuthFile: undefined,
  metricsTlsCert: undefined,
  metricsTlsKey: undefined,
  metricsTlsMinVersion: 'TLSv1.2',
  metricsClientCa: undefined,
  metricsAllowedHosts: [],
  wipeToken: undefined,
  wipeTokenFile: undefined,
};

const endpoints = new WeakMap<MetricsServer, Endpoint>();
const warnings = new WeakMap<MetricsServer, Warnings>();
/** Everything that a server has warned of. */
export const warningsOf = (server: MetricsServer): string[] => warnings.get(server)?.messages ?? [];
export const codesOf = (server: MetricsServer): unknown[] => warnings.get(server)?.codes ?? [];

/** A metrics server that does not listen yet; it is closed when its owner ends. */
export function openServer(
  owner: Owner,
  options: Partial<MetricsServerOptions> & {
    readonly read?: () => Promise<Snapshot>;
    readonly settings?: Partial<EndpointSettings>;
  } = {},
): MetricsServer {
  const told = new Warnings();
  const { read = async () => snapshotOf(1), settings = {}, ...rest } = options;
  const { host = '127.0.0.1' } = rest;
  const endpoint = new Endpoint({ ...OPEN, ...settings }, host, told.warn);
  const exposition = new Exposition({
    translationStrategy: 'UnderscoreEscapingWithSuffixes',
    scopeInfo: false,
    targetInfo: false,
    resourceLabels: () => false,
    warn: told.warn,
  });
  const server = new MetricsServer({
    host,
    port: 0,
    path: '/metrics',
    prefix: 'shop',
    project: 'Shop',
    store: 'local /tmp/shop',
    elsewhere: 'at /internal',
    endpoint,
    scraper: new Scraper(read, exposition),
    notReady: () => undefined,
    health: async () => ({
      status: 'up',
      store: { description: 'memory', status: 'up', pendingSeries: 0 },
      checks: {},
    }),
    wipe: async () => undefined,
    warn: told.warn,
    ...rest,
  });
  warnings.set(server, told);
  endpoints.set(server, endpoint);
  owner.after(() => server.close());
  return server;
}

export async function portOf(server: MetricsServer): Promise<number> {
  return eventually(() => {
    assert.ok(server.url !== undefined, 'it does not serve');
    return Number(new URL(server.url).port);
  });
}

export async function listening(
  owner: Owner,
  options: Parameters<typeof openServer>[1] = {},
): Promise<{ server: MetricsServer; port: number; access: AccessControl }> {
  const server = openServer(owner, options);
  server.listen();
  const { access } = endpoints.get(server) as Endpoint;
  return { server, port: await portOf(server), access };
}
