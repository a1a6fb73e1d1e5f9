import type { EndpointFacts } from '../facts/endpoint.js';
import { finding, type Finding } from '../findings.js';

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;

export function checkEndpoint(facts: EndpointFacts): Finding[] {
  const { host, port, url, prefix, holder, isOurs, answer, instancesHere, freePort: free } = facts;
  const local = facts.isContainer && LOOPBACK.test(host) ? [finding('endpoint-local', { host })] : [];
  if (holder === undefined) {
    if (instancesHere === 0) return local;
    const instances = instancesHere === 1 ? 'one process' : `${instancesHere} processes`;
    return [...local, finding('endpoint-silent', { url, prefix, instances, free })];
  }
  if (!isOurs) return [...local, finding('port-taken', { port, holder, prefix, free })];
  // Whoever wants credentials that are not in these settings may have given them to Prometheus.
  if (answer === undefined || answer.status === 200 || answer.status === 401) return local;
  const [body = ''] = answer.body.trim().split('\n', 1);
  const status = answer.status ?? 'nothing';
  return [...local, finding('endpoint-fails', { url, status, body: body.slice(0, 300) })];
}
