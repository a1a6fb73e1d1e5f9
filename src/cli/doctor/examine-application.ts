import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Environment } from '../../config/environment.js';
import type { Settings } from '../../config/settings.js';
import { isRedisConfigured, redisTarget } from '../../start/redis-target.js';
import { textOfFile } from '../changes/file-change.js';
import { hasPreload } from '../changes/preload.js';
import { checkStarts } from './checks/preload.js';
import { checkEnvFile, checkMeaning, checkTarget, checkVariables } from './checks/settings.js';
import { checkCopies, checkNode, checkVersions, WATCHED } from './checks/versions.js';
import { packageCopies } from './facts/package-copies.js';
import type { StartFacts } from './facts/starts.js';
import type { Finding } from './findings.js';

/** What the application's folder and the environment say, without asking any server. */
export function examineApplication(
  folder: string,
  settings: Settings,
  environment: Environment,
  nodeVersion: string,
  starts: StartFacts,
): Finding[] {
  const { engines, dependencies } = ownManifest();
  const watched = Object.keys(dependencies).filter((name) => name.startsWith('@opentelemetry/'));
  const copies = packageCopies(folder, [...new Set([...Object.values(WATCHED), ...watched])]);
  const envFile = textOfFile(folder, '.env');
  return [
    ...checkNode(nodeVersion, engines.node),
    ...checkCopies(copies),
    ...checkVersions(copies, Object.fromEntries(watched.map((name) => [name, dependencies[name] ?? '']))),
    ...checkStarts(starts, hasPreload),
    ...checkVariables(environment),
    ...checkMeaning(settings),
    ...checkTarget(() => wantsRedis(settings) && redisTarget(settings, () => undefined)),
    ...(envFile === undefined
      ? []
      : checkEnvFile('.env', envFile, environment, [...Object.values(starts.scripts), starts.nodeOptions])),
  ];
}

function wantsRedis(settings: Settings): boolean {
  return settings.store === undefined ? isRedisConfigured(settings) : settings.store === 'redis';
}

interface OwnManifest {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Two folders above the bundle, `dist/bin`. */
function ownManifest(): OwnManifest {
  return JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8')) as OwnManifest;
}
