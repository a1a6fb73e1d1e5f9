import { once } from 'node:events';
import type { Server } from 'node:net';

import { anyText, integer } from '../../config/setting-kinds.js';
import { sanitizePrefix } from '../../config/prefix.js';
import type { SettingName } from '../../config/settings.js';
import { reason } from '../../errors.js';
import { globMatcher } from '../../glob.js';
import { Endpoint } from '../../server/endpoint/endpoint.js';
import { ProjectDirectory } from '../../server/projects/project-directory.js';
import { ProjectsEndpoint } from '../../server/projects/projects-endpoint.js';
import { openExposition } from '../../start/open-exposition.js';
import { version } from '../../version.js';
import { optional, valued } from '../arguments/flags.js';
import { duration, hostAndPort } from '../arguments/kinds.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { CommandError, endingOf } from '../exit-codes.js';
import { prefixOf, STORE_SETTINGS, warnOn, withReader } from '../store/open-reader.js';

const FLAGS = {
  host: optional('address', anyText, 'Address to listen on. Default: that of --prometheus-host, 127.0.0.1.'),
  port: optional(
    'number',
    integer(0, 65_535),
    'Port to listen on; 0 is any. Default: that of --prometheus-port, 9464.',
  ),
  advertise: optional(
    'host:port',
    hostAndPort,
    'Under which Prometheus reaches this server. Default: as its request for /sd names it.',
  ),
  refresh: valued(
    'time',
    duration(0, 3_600_000),
    5000,
    'How old the list of projects may be before the store is asked again; 0 asks for each request.',
    '5s',
  ),
};

const ACCESS_SETTINGS: readonly SettingName[] = [
  'metricsToken',
  'metricsTokenFile',
  'metricsBasicAuthFile',
  'metricsTlsCert',
  'metricsTlsKey',
  'metricsClientCa',
  'metricsAllowedHosts',
];

/** Requests that are under way at the end may take so long. */
const DRAIN_MS = 5000;

/** Serves many projects from one place. */
export const serve: Command = defineCommand({
  name: 'serve',
  summary: 'Serves all projects of the store, or some, to Prometheus: one endpoint, and a list of targets.',
  description:
    "Paths: /metrics?project=<name> and /projects/<name>/metrics, /metrics for an overview of all projects, /sd for Prometheus' HTTP service discovery, /healthz, /readyz, and at / the live page in a browser. It never writes to the store: a replica and a user that may only read are enough. Projects come and go without a restart.",
  args: [
    {
      name: 'globs',
      description: 'Only these projects: shop, crm-*. Default: ORCHESTRATOR_PREFIX if it is set, else all',
      optional: true,
      variadic: true,
      isProject: true,
    },
  ],
  flags: FLAGS,
  settings: ['prefix', ...STORE_SETTINGS, 'metricsTtl', 'metricsPath', ...ACCESS_SETTINGS],
  examples: [
    { command: 'serve', does: 'All projects of the local store of this user, at 127.0.0.1:9464:' },
    {
      command: 'serve "crm-*" shop --host 0.0.0.0 --metrics-token-file /run/secrets/token',
      does: 'Some projects, for a Prometheus on another host that has the token:',
    },
  ],
  isLasting: true,
  run: (call) =>
    withReader(call, async (reader) => {
      const { settings, terminal, signal, flags } = call;
      const warn = warnOn(call);
      const listened = flags.host ?? settings.prometheusHost;
      const endpoint = new Endpoint(settings, listened, warn);
      const allowed = allowedProjects(call);
      const directory = new ProjectDirectory({
        reader,
        ...allowed,
        maxAgeMs: flags.refresh,
        openExposition: () => openExposition(settings, warn),
      });
      const projects = new ProjectsEndpoint({
        directory,
        access: endpoint.access,
        prefixOf: requestedPrefix,
        metricsPath: settings.metricsPath,
        scheme: endpoint.scheme,
        advertise: flags.advertise,
        store: reader.description,
      });
      const server = endpoint.createServer((request, response) => projects.answer(request, response));
      // Said at once, and not with the first scrape.
      const notes = await firstLook(directory, allowed, reader.description);
      for (const note of notes) terminal.note(note);
      const port = await listen(server, listened, flags.port ?? settings.prometheusPort);
      // The server would keep the process alive after an output that cannot be written.
      try {
        endpoint.warnIfOpen(port);
        const url = `${endpoint.scheme}://${bracketed(listened)}:${port}`;
        if (call.json) await terminal.json({ url, store: reader.description, projects: allowed.shown });
        else
          terminal.note(
            `@org/orchestrator ${version} serves ${allowed.shown} of ${reader.description} at ${url}${settings.metricsPath}?project=<name>, targets at ${url}/sd, the page at ${url}/`,
          );
        await ended(signal);
      } finally {
        await close(server);
      }
    }),
});

/**
 * What is to be said before anybody asks. A store that cannot be reached may come later, and /readyz says so until then;
 * one that refuses, because of a password or a right, will not do so by itself.
 */
async function firstLook(
  directory: ProjectDirectory,
  { patterns }: AllowedProjects,
  store: string,
): Promise<string[]> {
  try {
    const found = await directory.list();
    const isThere = (pattern: string): boolean => {
      const matches = globMatcher([pattern]);
      return found.some(({ prefix }) => matches(prefix));
    };
    return patterns
      .filter((pattern) => !isThere(pattern))
      .map((pattern) =>
        isGlob(pattern)
          ? `No project in ${store} matches ${JSON.stringify(pattern)} yet.`
          : `There is no project ${JSON.stringify(pattern)} in ${store} yet. It is 404 until something of it is written.`,
      );
  } catch (error) {
    if (endingOf(error) !== 'unavailable') throw error;
    return [`Not ready yet: ${reason(error)}`];
  }
}

interface AllowedProjects {
  readonly isAllowed: (prefix: string) => boolean;
  readonly names: readonly string[] | undefined;
  /** What was named: names and globs. */
  readonly patterns: readonly string[];
  /** For the line at the start. */
  readonly shown: string;
}

function allowedProjects({ args, settings }: Call<typeof FLAGS>): AllowedProjects {
  const globs = args.length > 0 ? args : settings.prefix === undefined ? [] : [settings.prefix];
  if (globs.length === 0)
    return { isAllowed: () => true, names: undefined, patterns: [], shown: 'all projects' };
  const patterns = globs.map((glob) => (isGlob(glob) ? glob.toLowerCase() : prefixOf(glob)));
  return {
    isAllowed: globMatcher(patterns),
    // Known by name: no list is read, and no right to read it is needed.
    names: patterns.some(isGlob) ? undefined : patterns,
    patterns,
    shown: patterns.join(', '),
  };
}

function isGlob(text: string): boolean {
  return /[*?[\]{}()!+@]/.test(text);
}

function requestedPrefix(name: string): string | undefined {
  try {
    return sanitizePrefix(name);
  } catch {
    return undefined;
  }
}

/** @throws CommandError if the address cannot be had */
async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
    await once(server, 'listening');
  } catch (error) {
    const what = `The address ${bracketed(host)}:${port} cannot be listened on: ${reason(error)}.`;
    throw new CommandError('unavailable', `${what} Another one is given by --host and --port.`);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function ended(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Requests that are under way are answered. */
async function close(
  server: Server & { closeIdleConnections?: () => void; closeAllConnections?: () => void },
): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections?.();
  const late = setTimeout(() => server.closeAllConnections?.(), DRAIN_MS);
  await closed;
  clearTimeout(late);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
