import { join } from 'node:path';

import { sanitizePrefix } from '../../config/prefix.js';
import { ecosystemWithEnv, newEcosystem } from '../changes/ecosystem-env.js';
import { ECOSYSTEM_FILE, ecosystemWithPreload } from '../changes/ecosystem.js';
import { type EnvLine, withEnvLines } from '../changes/env-lines.js';
import { fileChange, textOfFile, type FileChange } from '../changes/file-change.js';
import { parseManifest, withOrchestrator } from '../changes/manifest.js';
import { PRELOAD, PRELOAD_OPTION } from '../changes/preload.js';
import { filesBelow } from '../source/source-files.js';
import { dockerfileWith, kubernetesObjects } from './container-lines.js';
import { grafanaProvider } from './grafana.js';
import { discoveredScrape, staticScrape } from './prometheus.js';
import { redisUserLine, urlWithUser } from './redis-user.js';

export const START_WAYS = ['script', 'pm2', 'docker', 'kubernetes', 'none'] as const;
export const PROMETHEUS_WAYS = ['static', 'http-sd', 'none'] as const;
export const GRAFANA_WAYS = ['provisioning', 'import', 'none'] as const;

/** What `init` was told. */
export interface Answers {
  readonly name: string;
  readonly start: (typeof START_WAYS)[number];
  /** Undefined: the local store. */
  readonly redisUrl: string | undefined;
  /** Of a Redis user that is to be created; undefined: the URL is used as it is. */
  readonly redisPassword: string | undefined;
  readonly port: number;
  readonly prometheus: (typeof PROMETHEUS_WAYS)[number];
  /** `host:port` at which Prometheus reaches the endpoint, or `orchestrator serve`. */
  readonly target: string;
  readonly grafana: (typeof GRAFANA_WAYS)[number];
}

export interface InitPlan {
  readonly changes: readonly FileChange[];
  /** What to do with them, in order. */
  readonly next: readonly string[];
}

/** Generated files that belong to no other program. */
const FOLDER = 'orchestrator';

const DEFAULT_PORT = 9464;

/** What `init` would write. Changes nothing. */
export function planInit(folder: string, answers: Answers): InitPlan {
  const prefix = sanitizePrefix(answers.name);
  const settings = settingsOf(answers, prefix);
  const next: string[] = [];
  const changes = [
    ...startChanges(folder, answers, settings, next),
    redisChange(folder, answers, prefix, next),
    prometheusChange(folder, answers, prefix, next),
    grafanaChange(folder, answers, next),
  ];
  return { changes: changes.filter((change) => change !== undefined), next };
}

function settingsOf({ redisUrl, redisPassword, port, name }: Answers, prefix: string): EnvLine[] {
  const url =
    redisUrl === undefined || redisPassword === undefined
      ? redisUrl
      : urlWithUser(redisUrl, prefix, redisPassword);
  return [
    { name: 'ORCHESTRATOR_PREFIX', value: name, comment: 'The name under which all processes are summed.' },
    ...(url === undefined
      ? []
      : [{ name: 'ORCHESTRATOR_REDIS_URL', value: url, comment: 'Where they are summed.' }]),
    ...(port === DEFAULT_PORT
      ? []
      : [
          { name: 'OTEL_EXPORTER_PROMETHEUS_PORT', value: String(port), comment: 'The port of the metrics.' },
        ]),
  ];
}

function startChanges(
  folder: string,
  { start, port, name }: Answers,
  settings: readonly EnvLine[],
  next: string[],
): Array<FileChange | undefined> {
  if (start === 'none') return [];
  next.push('npm install');
  switch (start) {
    case 'script':
      next.push('npm start');
      return [manifestChange(folder, true), envChange(folder, settings)];
    case 'pm2':
      // A password has no place in a file of the repository; PM2 hands the environment of its command line on.
      if (settings.some(isSecret)) next.push('set -a; . ./.env; set +a');
      next.push(`pm2 start ${ecosystemOf(folder) ?? 'ecosystem.config.cjs'} --update-env`);
      return [
        manifestChange(folder, false),
        ecosystemChange(
          folder,
          settings.filter((line) => !isSecret(line)),
          next,
        ),
        envChange(folder, settings.filter(isSecret)),
      ];
    case 'docker':
      return [manifestChange(folder, false), dockerChange(folder, settings, port, next)];
    case 'kubernetes': {
      const text = kubernetesObjects(name, settings, port);
      const path = `${FOLDER}/kubernetes.yaml`;
      next.push(`kubectl patch and apply the two parts of ${path}`);
      return [
        manifestChange(folder, false),
        fileChange(folder, path, 'A patch for the Deployment, and a Service for Prometheus.', () => text),
      ];
    }
  }
}

function isSecret({ name }: EnvLine): boolean {
  return name === 'ORCHESTRATOR_REDIS_URL';
}

/** @param isStarted whether npm starts the application, with the settings of the file of environment lines */
function manifestChange(folder: string, isStarted: boolean): FileChange | undefined {
  const text = textOfFile(folder, 'package.json');
  if (text === undefined) return undefined;
  const why = isStarted
    ? 'The start scripts load the orchestrator, with the settings of .env; npm installs it.'
    : 'npm installs the orchestrator.';
  return fileChange(folder, 'package.json', why, () => {
    const edited = withOrchestrator(text, isStarted ? 'scripts' : 'dependency').text;
    return isStarted ? withEnvFile(edited) : edited;
  });
}

/** Node reads the file before the preload does. A file that is not there is no error from Node 22.9 on. */
function withEnvFile(text: string): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const option = major > 22 || (major === 22 && minor >= 9) ? '--env-file-if-exists' : '--env-file';
  return parseManifest(text) === undefined || text.includes('--env-file')
    ? text
    : text.replaceAll(`node ${PRELOAD_OPTION}`, `node ${option}=.env ${PRELOAD_OPTION}`);
}

function envChange(folder: string, settings: readonly EnvLine[]): FileChange | undefined {
  if (settings.length === 0) return undefined;
  const isThere = textOfFile(folder, '.env') !== undefined;
  const why = `The settings. Keep the file${isThere ? ' and its copy' : ''} out of the repository.`;
  const change = fileChange(folder, '.env', why, (before) => withEnvLines(before, settings));
  return change === undefined ? undefined : { ...change, secret: true };
}

function ecosystemOf(folder: string): string | undefined {
  return filesBelow(folder, (name) => ECOSYSTEM_FILE.test(name)).paths[0];
}

function ecosystemChange(
  folder: string,
  settings: readonly EnvLine[],
  next: string[],
): FileChange | undefined {
  const path = ecosystemOf(folder) ?? 'ecosystem.config.cjs';
  const manifest = parseManifest(textOfFile(folder, 'package.json') ?? '');
  const edit = (before: string | undefined): string =>
    before === undefined
      ? newEcosystem(manifest?.name ?? 'app', manifest?.main ?? 'app.js', settings)
      : ecosystemWithEnv(path, ecosystemWithPreload(path, before).text, settings);
  const text = edit(textOfFile(folder, path));
  // Where `env` or the options of Node are computed, nothing can be put in.
  const left = [
    ...(text.includes(PRELOAD) ? [] : [`node_args: '${PRELOAD_OPTION}'`]),
    ...settings.filter(({ name }) => !text.includes(name)).map(({ name, value }) => `${name}=${value}`),
  ];
  if (left.length > 0) next.unshift(`Give each application of ${path} ${left.join(', ')}`);
  return fileChange(folder, path, 'PM2 gives the preload and the settings to the application.', edit);
}

function dockerChange(
  folder: string,
  settings: readonly EnvLine[],
  port: number,
  next: string[],
): FileChange | undefined {
  const plain = settings.filter((line) => !isSecret(line));
  const text = textOfFile(folder, 'Dockerfile');
  const after = text === undefined ? undefined : dockerfileWith(text, plain, port);
  // A secret has no place in an image.
  const flag = settings.some(isSecret) ? ' --env ORCHESTRATOR_REDIS_URL' : '';
  next.push(`docker run --init --publish ${port}:${port}${flag} …`);
  if (after === undefined) {
    next.unshift(`Add to the Dockerfile, before CMD: ENV NODE_OPTIONS="${PRELOAD_OPTION}"`);
    return undefined;
  }
  return fileChange(
    folder,
    'Dockerfile',
    'The image loads the orchestrator before the application.',
    () => after,
  );
}

function redisChange(
  folder: string,
  { redisPassword }: Answers,
  prefix: string,
  next: string[],
): FileChange | undefined {
  if (redisPassword === undefined) return undefined;
  const path = `${FOLDER}/redis-acl.txt`;
  next.push(`redis-cli < ${path}`);
  const why =
    'A Redis user that reaches the keys of this project and no others. Its password is in the settings.';
  const change = fileChange(folder, path, why, () => redisUserLine(prefix, redisPassword));
  return change === undefined ? undefined : { ...change, secret: true };
}

function prometheusChange(
  folder: string,
  { prometheus, target }: Answers,
  prefix: string,
  next: string[],
): FileChange | undefined {
  if (prometheus === 'none') return undefined;
  const path = `${FOLDER}/prometheus.yml`;
  if (prometheus === 'http-sd') next.push(`orchestrator serve --port ${target.split(':').at(-1) ?? ''}`);
  next.push(`Put ${path} into the configuration of Prometheus.`);
  const text = prometheus === 'static' ? staticScrape(prefix, target) : discoveredScrape(target);
  return fileChange(folder, path, 'What Prometheus scrapes.', () => text);
}

function grafanaChange(folder: string, { grafana }: Answers, next: string[]): FileChange | undefined {
  const dashboards = join(folder, 'node_modules', '@org', 'orchestrator', 'dashboards', 'json');
  if (grafana === 'import')
    next.push(`Import the files of ${dashboards} into Grafana: Dashboards, New, Import.`);
  if (grafana !== 'provisioning') return undefined;
  const path = `${FOLDER}/grafana-dashboards.yml`;
  next.push(`Put ${path} into /etc/grafana/provisioning/dashboards.`);
  return fileChange(folder, path, 'Grafana shows the dashboards of the package.', () =>
    grafanaProvider(dashboards),
  );
}
