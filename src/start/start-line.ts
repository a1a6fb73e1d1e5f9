import type { Settings } from '../config/settings.js';
import { version } from '../version.js';

interface Started {
  readonly serviceName: string;
  readonly prefix: string;
  /** Without credentials; undefined when nothing goes to a store. */
  readonly store: string | undefined;
  /** Where this process serves; undefined while another one does. */
  readonly url: string | undefined;
}

/** The one line that tells who runs, where the sum is kept, and where it is served. */
export function startLine(settings: Settings, { serviceName, prefix, store, url }: Started): string {
  const { metricExportInterval, prometheusHost, prometheusPort, metricsPath } = settings;
  // Any free port is known when it was found, all others before.
  const address =
    prometheusPort === 0 && url !== undefined
      ? url
      : `http://${prometheusHost}:${prometheusPort}${metricsPath}`;
  const parts = [
    `${version} ${serviceName}: store ${store ?? 'none'}`,
    `prefix ${prefix}`,
    `flush every ${metricExportInterval} ms`,
    ...(store === undefined ? [] : [address]),
    `Node ${process.versions.node}`,
  ];
  return parts.join(', ');
}
