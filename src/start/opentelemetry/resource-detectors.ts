import {
  envDetector,
  osDetector,
  processDetector,
  serviceInstanceIdDetector,
  type ResourceDetector,
} from '@opentelemetry/resources';

import { isCommandLine } from '../../reader/resource-attributes.js';
import { type Warn, warning } from '../../warnings.js';
import { hostDetector } from '../identity/resource.js';

/**
 * The command line is never in a resource: passwords are given there, and everyone that may scrape, and every line of
 * OpenTelemetry's diagnostics, shows the resource.
 */
function withoutCommandLine(detector: ResourceDetector): ResourceDetector {
  return {
    detect(config) {
      const detected = detector.detect(config);
      const attributes = Object.entries(detected.attributes ?? {}).filter(([key]) => !isCommandLine(key));
      return { ...detected, attributes: Object.fromEntries(attributes) };
    },
  };
}

/** By their names in OTEL_NODE_RESOURCE_DETECTORS. */
const DETECTORS: Readonly<Record<string, ResourceDetector>> = {
  env: envDetector,
  host: hostDetector,
  os: osDetector,
  process: withoutCommandLine(processDetector),
  serviceinstance: serviceInstanceIdDetector,
};

/** Not the process detector: it says who runs a process, and where its files are, to everyone that may scrape. */
const DEFAULT = [envDetector, hostDetector];

/** The detectors of these names, `all` or `none`; without a name, our default ones. A name that is unknown is left out. */
export function resourceDetectors(names: readonly string[], warn: Warn): ResourceDetector[] {
  if (names.length === 0) return DEFAULT;
  if (names.includes('all')) return Object.values(DETECTORS);
  if (names.includes('none')) return [];
  return names.flatMap((name) => {
    const detector = DETECTORS[name];
    if (detector !== undefined) return [detector];
    const allowed = [...Object.keys(DETECTORS), 'all', 'none'].join(', ');
    warn(...warning('ORCHESTRATOR_DETECTOR_UNKNOWN', { detector: name, allowed }));
    return [];
  });
}
