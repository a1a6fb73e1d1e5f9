import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import {
  defaultResource,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_TELEMETRY_DISTRO_NAME,
  ATTR_TELEMETRY_DISTRO_VERSION,
} from '@opentelemetry/semantic-conventions';

import { version } from '../version.js';

/** What is known without the environment; detected attributes win over these. */
export function baseResource(serviceName: string, lease: string): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_INSTANCE_ID]: lease,
      [ATTR_TELEMETRY_DISTRO_NAME]: '@org/orchestrator',
      [ATTR_TELEMETRY_DISTRO_VERSION]: version,
      'process.pid': process.pid,
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
    }),
  );
}

/** The service name by the rules of OpenTelemetry, else the name of the application's package. */
export function serviceNameOf(configured: string | undefined, mainScript: string | undefined): string {
  const detected = envDetector.detect().attributes?.[ATTR_SERVICE_NAME];
  return (
    configured ??
    (typeof detected === 'string' ? detected : undefined) ??
    packageName(mainScript) ??
    'unknown_service'
  );
}

/** The name in the nearest package.json above the application's main script. */
function packageName(mainScript: string | undefined): string | undefined {
  let folder = mainScript === undefined ? process.cwd() : dirname(resolve(mainScript));
  for (;;) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      try {
        const { name }: { name?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
        if (typeof name === 'string' && name !== '') return name;
      } catch {
        // A package.json that cannot be read has no name; the next one above may have.
      }
    }
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
