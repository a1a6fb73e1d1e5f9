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

/** The attributes that are known without the environment; detected ones win over these. */
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

/** The service name by the rules of OpenTelemetry: that of the environment. */
export function detectedServiceName(): string | undefined {
  const detected = envDetector.detect().attributes?.[ATTR_SERVICE_NAME];
  return typeof detected === 'string' ? detected : undefined;
}
