import type { Settings } from '../config/settings.js';
import { version } from '../version.js';

interface Started {
  readonly serviceName: string;
  readonly prefix: string;
  /** Without credentials; undefined when nothing goes to a store. */
  readonly store: string | undefined;
}

/** The one line that tells who runs, where the sum is kept, and where it is served. */
export function startLine(settings: Settings, { serviceName, prefix, store = 'none' }: Started): string {
  const { metricExportInterval, prometheusHost, prometheusPort, metricsPath } = settings;
  const parts = [
    `${version} ${serviceName}: store ${store}`,
    `prefix ${prefix}`,
    `flush every ${metricExportInterval} ms`,
    `http://${prometheusHost}:${prometheusPort}${metricsPath}`,
    `Node ${process.versions.node}`,
  ];
  return parts.join(', ');
}
