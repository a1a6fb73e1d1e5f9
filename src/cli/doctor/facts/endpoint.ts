import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';

import { reason } from '../../../errors.js';
import type { Settings } from '../../../config/settings.js';
import { askPortHolder, type PortHolder } from '../../../server/port/port-holder.js';
import type { InstanceSummary } from '../../../store/store-reader.js';
import type { EndpointFacts } from '../checks/endpoint.js';
import { processOnPort } from './port-process.js';

/** A process that does not say who it is within this time is another program, or hangs. */
const ANSWER_MS = 3000;
const SCRAPE_MS = 10_000;

/** Asks the metrics port who has it, and scrapes it if it is a process of the project. */
export async function endpointFacts(
  settings: Pick<Settings, 'prometheusHost' | 'prometheusPort' | 'metricsPath'>,
  prefix: string,
  instances: readonly InstanceSummary[],
): Promise<EndpointFacts> {
  const { prometheusHost: host, prometheusPort: port, metricsPath } = settings;
  const at = reachable(host);
  const address = at.includes(':') ? `[${at}]` : at;
  const url = `http://${address}:${port}${metricsPath}?project=${encodeURIComponent(prefix)}`;
  const holder = await portHolder(at, port, prefix);
  const isOurs = holder?.kind === 'same project';
  return {
    host,
    port,
    url,
    prefix,
    holder: holder === undefined ? undefined : described(holder, port),
    isOurs,
    answer: isOurs ? await scrape(url) : undefined,
    instancesHere: instances.filter(({ resource }) => valueOf(resource, 'host.name') === hostname()).length,
    isContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
    freePort: await freePort(),
  };
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === 'localhost') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function portHolder(host: string, port: number, project: string): Promise<PortHolder | undefined> {
  return new Promise((resolve) => {
    const answered = (holder: PortHolder | undefined): void => {
      clearTimeout(timer);
      resolve(holder);
      withdraw();
    };
    const withdraw = askPortHolder({ host, port, project, answered, closed: () => answered(undefined) });
    const timer = setTimeout(() => answered({ kind: 'other program' }), ANSWER_MS);
  });
}

function described(holder: PortHolder, port: number): string {
  const process = processOnPort(port);
  const who = process === undefined ? '' : `, process ${process.pid}: ${process.command}`;
  if (holder.kind === 'other project') return `the project "${holder.project}"${who}`;
  return holder.kind === 'other program' ? `another program${who}` : `this project${who}`;
}

async function scrape(url: string): Promise<EndpointFacts['answer']> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(SCRAPE_MS) });
    const body = await response.text();
    return { status: response.status, body };
  } catch (error) {
    return { status: 0, body: reason(error) };
  }
}

function valueOf(attributes: InstanceSummary['resource'], key: string): string | undefined {
  return attributes.find(([name]) => name === key)?.[1];
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
