import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { PodMonitor, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { CronJob } from 'kubernetes-models/batch/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Secret, Service } from 'kubernetes-models/v1';

import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startPrometheusIn } from '../helpers/prometheus.js';
import { scratchDir } from '../helpers/scratch.js';
import { typeErrors } from '../helpers/typed-json.js';
import { charted, kustomizationFiles, kustomized, type Manifest } from './manifests.js';

const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'autoscaling/v2 HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'batch/v1 CronJob': CronJob,
  'monitoring.coreos.com/v1 PodMonitor': PodMonitor,
  'monitoring.coreos.com/v1 ServiceMonitor': ServiceMonitor,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 ConfigMap': ConfigMap,
  'v1 Secret': Secret,
  'v1 Service': Service,
};

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly replacement?: string;
  readonly action?: string;
  readonly regex?: string;
}

function kindOf({ apiVersion, kind }: Manifest): string {
  return `${apiVersion} ${kind}`;
}

function nameOf(manifest: Manifest): string {
  return `${kindOf(manifest)} ${manifest.metadata.name}`;
}

function fileOf({ kind, metadata }: Manifest): string {
  return `${kind}-${metadata.name}`;
}

/** By the OpenAPI schema of Kubernetes or of the Prometheus operator; throws with the reason. */
function assertValid(manifest: Manifest): void {
  const Model = MODELS[kindOf(manifest)];
  assert.ok(Model !== undefined, `no schema for ${nameOf(manifest)}`);
  new Model(manifest as never).validate();
}

function sorted(manifests: readonly Manifest[]): Manifest[] {
  return manifests.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

const base = kustomizationFiles('base');
const monitors = {
  service: kustomizationFiles('components/service-monitor'),
  pod: kustomizationFiles('components/pod-monitor'),
};

const all = [...base, ...kustomizationFiles('overlays/development'), ...monitors.service, ...monitors.pod];

test('every manifest is valid by the OpenAPI schema of Kubernetes', () => {
  assert.equal(new Set(all.map(nameOf)).size, all.length);
  for (const manifest of all) assertValid(manifest);
  const deployment = base.find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment !== undefined);
  assert.throws(() => assertValid({ ...deployment, spec: { ...deployment.spec, replicas: 'two' } }));
});

test('no manifest has a key that Kubernetes does not know', (t) => {
  const texts = new Map(all.map((manifest) => [fileOf(manifest), JSON.stringify(manifest, undefined, 2)]));
  const misspelt: ReadonlyArray<readonly [kind: string, key: string, wrong: string]> = [
    ['Deployment', 'readinessProbe', 'redinessProbe'],
    ['CronJob', 'concurrencyPolicy', 'concurencyPolicy'],
    ['HorizontalPodAutoscaler', 'averageUtilization', 'averageUtilisation'],
    ['ServiceMonitor', 'targetLabel', 'targetLable'],
    ['PodMonitor', 'podMetricsEndpoints', 'endpoints'],
  ];
  for (const [kind, key, wrong] of misspelt) {
    const manifest = all.find((one) => one.kind === kind);
    const text = texts.get(manifest === undefined ? '' : fileOf(manifest)) ?? '';
    assert.ok(text.includes(`"${key}"`), `${kind} has no ${key}`);
    texts.set(`misspelt-${wrong}`, text.replace(`"${key}"`, `"${wrong}"`));
  }
  const types = { types: 'test/stack/kubernetes-object.js', type: 'KubernetesObject' };
  const errors = typeErrors(t, types, texts);
  for (const manifest of all) assert.equal(errors.get(fileOf(manifest)), undefined, nameOf(manifest));
  for (const [, , wrong] of misspelt)
    assert.match(errors.get(`misspelt-${wrong}`)?.join('\n') ?? '', new RegExp(wrong), wrong);
});

test('selectors find their pods, ports and objects are there under the names that are used', () => {
  const text = JSON.stringify(base);
  const pods = base.filter(({ kind }) => kind === 'Deployment').map((one) => templateLabels(one));
  for (const manifest of [...base, ...monitors.pod]) {
    const selector = manifest.spec?.['selector'];
    if (typeof selector !== 'object' || selector === null) continue;
    const wanted = ('matchLabels' in selector ? selector.matchLabels : selector) as Record<string, string>;
    const found = pods.filter((labels) =>
      Object.entries(wanted).every(([key, value]) => labels[key] === value),
    );
    assert.equal(found.length, 1, nameOf(manifest));
  }
  for (const [, name] of text.matchAll(/"(?:configMapRef|secretRef)":\{"name":"([\w-]+)"\}/g))
    assert.equal(
      base.filter(({ kind, metadata }) => /ConfigMap|Secret/.test(kind) && metadata.name === name).length,
      2,
    );
  for (const [, port = ''] of text.matchAll(/"targetPort":"(\w+)"/g))
    assert.ok(text.includes(`{"name":"${port}","containerPort":`), port);
});

test('kubectl kustomize renders the overlays, and what it makes is valid', (t) => {
  const production = kustomized('overlays/production');
  const development = kustomized('overlays/development');
  if (production === undefined || development === undefined) {
    t.diagnostic('kubectl is not installed: the overlays were not rendered');
    return;
  }
  for (const manifest of [...production, ...development]) assertValid(manifest);
  for (const { metadata } of production) assert.equal(metadata.namespace, 'shop');
  assert.deepEqual(new Set(production.map(nameOf)), new Set([...base, ...monitors.service].map(nameOf)));
  assert.equal(autoscaler(production)?.['minReplicas'], 3);
  assert.equal(autoscaler(development)?.['maxReplicas'], 1);
  assert.ok(JSON.stringify(production).includes('"registry.example.com/orchestrator-shop:1.4.0"'));
});

test('the chart makes of its default values what the base says', () => {
  assert.deepEqual(sorted(charted()), sorted([...base, ...monitors.service]));
  assert.deepEqual(sorted(charted({ monitor: 'pod' })), sorted([...base, ...monitors.pod]));
  assert.deepEqual(sorted(charted({ monitor: 'none' })), sorted(base));
});

test('the chart with other values: another name everywhere, a Secret that exists already', () => {
  const manifests = charted({ name: 'bookshop', existingSecret: 'from-vault', monitor: 'pod' });
  for (const manifest of manifests) assertValid(manifest);
  assert.ok(!manifests.some(({ kind }) => kind === 'Secret'));
  const text = JSON.stringify(manifests);
  assert.ok(text.includes('"secretRef":{"name":"from-vault"}'));
  assert.deepEqual(
    Array.from(text.matchAll(/(?<!book)shop/g), ({ index }) => text.slice(index - 20, index + 12)).filter(
      // The image, and the container's name within its pod.
      (around) => !around.includes('orchestrator-shop') && !around.includes('"name":"shop","'),
    ),
    [],
  );
});

for (const [kind, manifests] of Object.entries(monitors)) {
  test(`${kind} monitor: Prometheus makes one target of all pods`, async (t) => {
    const dir = scratchDir(t, 'monitor');
    const config = {
      scrape_configs: [
        {
          job_name: 'operator',
          params: paramsOf(manifests),
          static_configs: ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address, index) => ({
            targets: [`${address}:9464`],
            // What the operator's own rules, which come first, have set by then.
            labels: {
              __meta_kubernetes_namespace: 'shop',
              namespace: 'shop',
              pod: `shop-web-${index}`,
              container: 'shop',
              endpoint: 'metrics',
              service: 'shop-metrics',
              job: 'shop-metrics',
            },
          })),
          relabel_configs: relabelings(manifests).map((rule) => ({
            ...(rule.sourceLabels !== undefined && { source_labels: rule.sourceLabels }),
            ...(rule.targetLabel !== undefined && { target_label: rule.targetLabel }),
            ...(rule.replacement !== undefined && { replacement: rule.replacement }),
            ...(rule.action !== undefined && { action: rule.action }),
            ...(rule.regex !== undefined && { regex: rule.regex }),
          })),
        },
      ],
    };
    writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
    const prometheus = await startPrometheusIn(t, dir, await freePort());
    const targets = await eventually(async () => {
      const { activeTargets } = await prometheus.api<{
        activeTargets: Array<{ scrapeUrl: string; labels: object; discoveredLabels: object }>;
      }>('targets', { state: 'active' });
      assert.ok(activeTargets.length > 0, 'nothing discovered yet');
      return activeTargets;
    });
    assert.deepEqual(
      targets.map(({ scrapeUrl, labels }) => ({ scrapeUrl, labels })),
      [
        {
          scrapeUrl: 'http://shop-metrics.shop.svc:9464/metrics?project=shop',
          labels: { instance: 'shop-metrics', job: 'shop', namespace: 'shop' },
        },
      ],
    );
  });
}

function templateLabels({ spec }: Manifest): Readonly<Record<string, string>> {
  const template = spec?.['template'] as { metadata: { labels: Record<string, string> } } | undefined;
  return template?.metadata.labels ?? {};
}

function autoscaler(manifests: readonly Manifest[]): Readonly<Record<string, unknown>> | undefined {
  return manifests.find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.spec;
}

interface Endpoint {
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly relabelings: readonly Relabeling[];
}

function endpointsOf(manifests: readonly Manifest[]): readonly Endpoint[] {
  const spec = manifests[0]?.spec;
  return (spec?.['endpoints'] ?? spec?.['podMetricsEndpoints']) as Endpoint[];
}

function paramsOf(manifests: readonly Manifest[]): Endpoint['params'] {
  return Object.assign({}, ...endpointsOf(manifests).map(({ params }) => params)) as Endpoint['params'];
}

function relabelings(manifests: readonly Manifest[]): readonly Relabeling[] {
  return endpointsOf(manifests).flatMap((endpoint) => endpoint.relabelings);
}
