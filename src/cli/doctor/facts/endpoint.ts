import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';

import type { Settings } from '../../../config/settings.js';
import { attributeOf } from '../../../model/series.js';
import { AccessControl } from '../../../server/access/access-control.js';
import { askPortHolder, type PortHolder } from '../../../server/port/port-holder.js';
import type { InstanceSummary } from '../../../store/store-reader.js';
import { processOnPort } from './port-process.js';
import { scrape, type ScrapeAnswer } from './scrape.js';

/** What the metrics port and the endpoint behind it say, asked from this host. */
export interface EndpointFacts {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly prefix: string;
  /** Who listens; undefined when nobody does. */
  readonly holder: string | undefined;
  /** The holder is a process of this project. */
  readonly isOurs: boolean;
  /** The answer to a scrape of it; undefined when it was not asked. */
  readonly answer: ScrapeAnswer | undefined;
  /** Live instances of the project on this host, as far as the store knows. */
  readonly instancesHere: number;
  readonly isContainer: boolean;
  /** A port that nobody listens on. */
  readonly freePort: number;
}

/** A process that does not say who it is within this time is another program, or hangs. */
const ANSWER_MS = 3000;

/** Asks the metrics port who has it, and scrapes it if it is a process of the project. */
export async function endpointFacts(
  settings: Settings,
  prefix: string,
  instances: readonly InstanceSummary[],
): Promise<EndpointFacts> {
  const { prometheusHost: host, prometheusPort: port, metricsPath } = settings;
  const at = reachable(host);
  const address = at.includes(':') ? `[${at}]` : at;
  const isTls = settings.metricsTlsCert !== undefined;
  const url = `${isTls ? 'https' : 'http'}://${address}:${port}${metricsPath}?project=${encodeURIComponent(prefix)}`;
  const holder = await portHolder(at, settings, prefix);
  const isOurs = holder?.kind === 'same project';
  return {
    host,
    port,
    url,
    prefix,
    holder: holder === undefined ? undefined : described(holder, port),
    isOurs,
    answer: isOurs ? await scrape(url, settings.metricsToken[0], settings.metricsTlsCert) : undefined,
    instancesHere: instances.filter(({ resource }) => attributeOf(resource, 'host.name') === hostname())
      .length,
    isContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
    freePort: await freePort(),
  };
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === 'localhost') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function portHolder(host: string, settings: Settings, project: string): Promise<PortHolder | undefined> {
  const { portProof: proof } = new AccessControl(settings, () => undefined);
  const { prometheusPort: port, metricsTlsCert } = settings;
  const question = { host, port, project, proof, store: '', tls: metricsTlsCert !== undefined };
  return new Promise((resolve) => {
    const answered = (holder: PortHolder | undefined): void => {
      clearTimeout(timer);
      resolve(holder);
      withdraw();
    };
    const withdraw = askPortHolder({ ...question, answered, closed: () => answered(undefined) });
    const timer = setTimeout(() => answered({ kind: 'other program' }), ANSWER_MS);
  });
}

function described(holder: PortHolder, port: number): string {
  const found = processOnPort(port);
  const who = found === undefined ? '' : `, process ${found.pid}: ${found.command}`;
  if (holder.kind === 'other project') return `the project "${holder.project}"${who}`;
  if (holder.kind === 'closed project') return `a project that answers only to other credentials${who}`;
  return holder.kind === 'other program' ? `another program${who}` : `this project${who}`;
}

/** For the finding to name; somebody else may take it before it is used. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(0));
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
