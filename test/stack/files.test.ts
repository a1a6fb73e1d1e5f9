import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

import { validate } from 'dockerfile-utils';
import { parse, stringify } from 'yaml';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { copyStack, STACK_FOLDER } from './stack-folder.js';

interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, object>> | readonly string[];
  readonly healthcheck?: object;
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
}

const PROFILES = ['dev', 'core', 'gateway'];

const text = readFileSync(join(STACK_FOLDER, 'compose.yaml'), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);

test('docker-compose reads it with the environment of each profile', (t) => {
  const folder = copyStack(t);
  // The Debian package is of 2021: it knows all keys but this one.
  const { name: _name, ...known } = parse(text, { merge: true }) as Record<string, unknown>;
  writeFileSync(join(folder, 'compose.yaml'), stringify(known, { version: '1.1' }));
  for (const profile of PROFILES) {
    execFileSync('./generate-env.sh', [profile], { cwd: folder });
    const { status, stdout, stderr } = spawnSync(
      'docker-compose',
      ['--env-file', '.env.generated', '--file', 'compose.yaml', '--profile', profile, 'config'],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /variable is not set/);
    const read = parse(stdout) as { services: Record<string, { environment?: Record<string, string> }> };
    assert.match(read.services['redis']?.environment?.['REDISCLI_AUTH'] ?? '', /^[A-Za-z0-9]{24}$/);
  }
});

test('every port is bound to the address that is set, and that is this host alone', () => {
  const ports = services.flatMap(([, { ports: own = [] }]) => own);
  assert.ok(ports.length >= 5);
  for (const port of ports) assert.match(port, /^\$\{BIND_ADDRESS\}:\$\{\w+\}:\d+$/);
  assert.match(readFileSync(join(STACK_FOLDER, 'env', 'base.env'), 'utf8'), /^BIND_ADDRESS=127\.0\.0\.1$/m);
});

test('images have versions, services have profiles, what is mounted exists', () => {
  for (const [name, service] of services) {
    assert.match(service.image, /:[\w.-]*\w$/, name);
    assert.doesNotMatch(service.image, /:latest$/, name);
    assert.ok(service.profiles.length > 0 && service.profiles.every((one) => PROFILES.includes(one)), name);
    for (const volume of service.volumes ?? []) {
      const source = volume.slice(0, volume.lastIndexOf(':/') === -1 ? undefined : volume.indexOf(':/'));
      if (!source.startsWith('.')) continue;
      for (const path of filledIn(source))
        assert.ok(existsSync(resolve(STACK_FOLDER, path)), `${name} mounts ${path}`);
    }
  }
});

test('each profile has all that its services wait for, and starts them in order', () => {
  for (const profile of PROFILES) {
    const started = new Map(services.filter(([, service]) => service.profiles.includes(profile)));
    for (const [name, { depends_on = [] }] of started) {
      const needs = Array.isArray(depends_on) ? depends_on.map(String) : Object.keys(depends_on);
      for (const need of needs) assert.ok(started.has(need), `${profile}: ${name} waits for ${need}`);
    }
    for (const name of ['redis', 'database', 'prometheus', 'alertmanager', 'grafana'])
      assert.ok(started.get(name)?.healthcheck !== undefined, `${profile}: ${name}`);
  }
});

test('the Dockerfile passes its linter, does not run as root, and leaves signals to Node', () => {
  const dockerfile = readFileSync(join(PACKAGE_ROOT, 'examples', 'app', 'Dockerfile'), 'utf8');
  assert.deepEqual(
    validate(dockerfile).map(({ message, range }) => ({ line: range.start.line + 1, message })),
    [],
  );
  assert.match(dockerfile, /^USER node$/m);
  assert.match(dockerfile, /^CMD \["node", /m);
  for (const [, source = ''] of dockerfile.matchAll(/^COPY (examples\/\S+)/gm))
    assert.ok(existsSync(join(PACKAGE_ROOT, source.replace('/*.js', '/web.js'))), source);
});

test('the data sources that refer to others refer to what is there', () => {
  const uids = new Set<string>();
  const references: string[] = [];
  for (const file of readdirSync(join(STACK_FOLDER, 'grafana', 'datasources'))) {
    const source = readFileSync(join(STACK_FOLDER, 'grafana', 'datasources', file), 'utf8');
    for (const { uid } of (parse(source) as { datasources: Array<{ uid: string }> }).datasources)
      uids.add(uid);
    references.push(...Array.from(source.matchAll(/datasourceUid: (\w+)/g), ([, uid = '']) => uid));
  }
  assert.deepEqual([...uids].toSorted(), ['alertmanager', 'loki', 'prometheus', 'tempo']);
  for (const uid of references) assert.ok(uids.has(uid), uid);
});

/** A path for each profile. */
function filledIn(path: string): string[] {
  return PROFILES.map((profile) =>
    path.replace('${STACK_PROFILE}', profile).replace('${EXTRA_DATASOURCES}', 'none.yml'),
  );
}
