import { readFileSync } from 'node:fs';
import { arch, hostname } from 'node:os';

import {
  defaultResource,
  envDetector,
  resourceFromAttributes,
  type Resource,
  type ResourceDetector,
} from '@opentelemetry/resources';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_TELEMETRY_DISTRO_NAME,
  ATTR_TELEMETRY_DISTRO_VERSION,
} from '@opentelemetry/semantic-conventions';

import { version } from '../../version.js';

/** The attributes that are known without the environment; detected ones win over these. */
export function baseResource(serviceName: string, lease: string, pm2Id?: string): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_INSTANCE_ID]: lease,
      [ATTR_TELEMETRY_DISTRO_NAME]: '@org/orchestrator',
      [ATTR_TELEMETRY_DISTRO_VERSION]: version,
      'process.pid': process.pid,
      ...(pm2Id !== undefined && { 'pm2.id': pm2Id }),
      // Tells the oldest of several processes with one service.instance.id.
      'process.creation.time': new Date(performance.timeOrigin).toISOString(),
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
    }),
  );
}

/**
 * `host.name`, `host.arch` and `host.id` as OpenTelemetry's detector gives them, but without starting a process: that is how
 * it asks macOS and Windows for the id, which is absent there.
 */
export const hostDetector: ResourceDetector = {
  detect() {
    const id = machineId();
    return {
      attributes: {
        'host.name': hostname(),
        'host.arch': ARCHITECTURES[arch()] ?? arch(),
        ...(id !== undefined && { 'host.id': id }),
      },
    };
  },
};

/** Node's names that differ from those of the semantic conventions. */
const ARCHITECTURES: Readonly<Record<string, string>> = { arm: 'arm32', ppc: 'ppc32', x64: 'amd64' };

function machineId(): string | undefined {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(file, 'utf8').trim();
      if (id !== '') return id;
    } catch {
      // Another system than Linux, or a slim container.
    }
  }
  return undefined;
}

/** The service name by the rules of OpenTelemetry: that of the environment. */
export function detectedServiceName(): string | undefined {
  const detected = envDetector.detect().attributes?.[ATTR_SERVICE_NAME];
  return typeof detected === 'string' ? detected : undefined;
}
