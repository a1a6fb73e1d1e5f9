import { Endpoint } from '../src/server/endpoint/endpoint.js';

/** An endpoint on this host without TLS and tokens. `basicAuth`: users and hashes, as the setting has them; none: for everyone. */
export function endpointOf(basicAuth: readonly string[]): Endpoint {
  const settings = {
    metricsToken: [],
    metricsTokenFile: undefined,
    metricsBasicAuth: basicAuth,
    metricsBasicAuthFile: undefined,
    metricsTlsCert: undefined,
    metricsTlsKey: undefined,
    metricsTlsMinVersion: 'TLSv1.2',
    metricsClientCa: undefined,
    metricsAllowedHosts: [],
    wipeToken: undefined,
    wipeTokenFile: undefined,
  } as const;
  return new Endpoint(settings, '127.0.0.1', () => undefined);
}
