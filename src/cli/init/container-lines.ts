import { stringify } from 'yaml';

import { hasPreload, PRELOAD_OPTION } from '../changes/preload.js';
import type { EnvLine } from '../changes/env-lines.js';

/**
 * The Dockerfile with the preload and the settings, before the instruction that starts the application. They stand after the
 * last RUN, because NODE_OPTIONS holds for npm as well. Undefined if nothing starts there.
 */
export function dockerfileWith(text: string, settings: readonly EnvLine[], port: number): string | undefined {
  if (hasPreload(text)) return text;
  const lines = text.split('\n');
  const start = lines.findLastIndex((line) => /^\s*(?:CMD|ENTRYPOINT)\b/i.test(line));
  if (start === -1) return undefined;
  const added = [
    `ENV NODE_OPTIONS="${PRELOAD_OPTION}"`,
    ...settings.map(({ name, value }) => `ENV ${name}=${dockerWord(value)}`),
    'ENV OTEL_EXPORTER_PROMETHEUS_HOST=0.0.0.0',
    `EXPOSE ${port}`,
  ];
  return [...lines.slice(0, start), ...added, ...lines.slice(start)].join('\n');
}

/** A value of ENV: quoted where it would not be one word. */
function dockerWord(value: string): string {
  return /^[\w./:@%+,=-]+$/.test(value) ? value : `"${value.replaceAll(/["\\$]/g, String.raw`\$&`)}"`;
}

/** Of a name of an object of Kubernetes; 8 fewer than it may have, for what is put behind it. */
const LABEL_LENGTH = 55;

/** What a project is called, as the name of an object: a label of RFC 1123. */
function objectName(project: string): string {
  const label = project
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, LABEL_LENGTH)
    .replaceAll(/^-|-$/g, '');
  return label === '' ? 'app' : label;
}

/** A strategic merge patch for a Deployment, and a Service for Prometheus. */
export function kubernetesObjects(project: string, settings: readonly EnvLine[], port: number): string {
  const name = objectName(project);
  const env = [
    { name: 'NODE_OPTIONS', value: PRELOAD_OPTION },
    ...settings.map((line) =>
      line.name === 'ORCHESTRATOR_REDIS_URL'
        ? { name: line.name, valueFrom: { secretKeyRef: { name: `${name}-metrics`, key: 'redis-url' } } }
        : { name: line.name, value: line.value },
    ),
    { name: 'OTEL_EXPORTER_PROMETHEUS_HOST', value: '0.0.0.0' },
  ];
  const container = { name, env, ports: [{ name: 'metrics', containerPort: port }] };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { template: { spec: { containers: [container] } } },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${name}-metrics` },
    spec: { selector: { app: name }, ports: [{ name: 'metrics', port, targetPort: 'metrics' }] },
  };
  const secret = `kubectl create secret generic ${name}-metrics --from-literal=redis-url=redis://…`;
  return `# A patch for the Deployment "${name}" and its container of that name: kubectl patch deployment ${name} --patch-file <first part>.
# The address of Redis comes from a secret: ${secret}
${stringify(deployment)}---
# Scrape this, not the pods: each pod answers with the sum of all.
${stringify(service)}`;
}
