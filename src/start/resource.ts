import { dirname, resolve } from 'node:path';

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

import { type Manifest, nearestManifest } from '../instrumentation/packages/manifest.js';
import { version } from '../version.js';

/** The attributes that are known without the environment; detected ones win over these. */
export function baseResource(serviceName: string, lease: string): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_INSTANCE_ID]: lease,
      [ATTR_TELEMETRY_DISTRO_NAME]: '@org/orchestrator',
      [ATTR_TELEMETRY_DISTRO_VERSION]: version,
      'process.pid': process.pid,
      // Tells the oldest of several processes with one service.instance.id.
      'process.creation.time': new Date(performance.timeOrigin).toISOString(),
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

/** The name in the nearest package.json with a name above the application's main script. */
function packageName(mainScript: string | undefined): string | undefined {
  const folder = mainScript === undefined ? process.cwd() : dirname(resolve(mainScript));
  const name = nearestManifest(folder, isNamed)?.['name'];
  return typeof name === 'string' ? name : undefined;
}

/** One that cannot be read, or that a build left there for its `type`, has no name; the next one above may have. */
function isNamed({ name }: Manifest): boolean {
  return typeof name === 'string' && name !== '';
}
