import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { checkEndpoint } from '../../../src/cli/doctor/checks/endpoint.js';
import { checkFolder, checkFolders } from '../../../src/cli/doctor/checks/local-folder.js';
import { checkRedis } from '../../../src/cli/doctor/checks/redis.js';
import { checkNode, satisfies } from '../../../src/cli/doctor/checks/versions.js';
import type { FolderFacts } from '../../../src/cli/doctor/facts/folders.js';
import { FINDING_TABLE, type Finding } from '../../../src/cli/doctor/findings.js';
import { PROJECT_COMMANDS } from '../../../src/store/redis-diagnosis.js';
import { PACKAGE_ROOT } from '../../helpers/scratch.js';

/** Faults that cannot be planted on every machine: an old Node.js, an old Redis, a clock, a network file system, a container. */

const names = (findings: readonly Finding[]): string[] => findings.map(({ name }) => name);

test('node-version: what `engines` excludes, and nothing else', () => {
  const engines = '^20.19.0 || >=22.15.0';
  for (const version of ['18.20.8', '20.18.3', '21.7.3', '22.14.0'])
    assert.deepEqual(names(checkNode(version, engines)), ['node-version'], version);
  for (const version of ['20.19.0', '20.20.2', '22.15.0', '24.1.0', '26.0.0-nightly'])
    assert.deepEqual(checkNode(version, engines), [], version);
});

test('ranges of package.json', () => {
  for (const [version, range, expected] of [
    ['0.223.0', '0.223.0 || 0.301.0', true],
    ['0.300.0', '0.223.0 || 0.301.0', false],
    ['0.99.9', '>=0.33.0 <1', true],
    ['1.0.0', '>=0.33.0 <1', false],
    ['1.9.0', '^1.9.0', true],
    ['1.8.9', '^1.9.0', false],
    ['2.0.0', '^1.9.0', false],
  ] as const)
    assert.equal(satisfies(version, range), expected, `${version} ${range}`);
});

const HEALTHY = {
  description: 'redis 127.0.0.1:6379',
  latencyMs: 1,
  clockOffsetMs: 5,
  refused: [],
  writeError: undefined,
  info: {
    redis_version: '7.0.15',
    role: 'master',
    maxmemory: '0',
    maxmemory_policy: 'allkeys-lru',
    used_memory: '1000',
  },
};

const check = (changes: object): string[] =>
  names(checkRedis({ prefix: 'shop', user: 'default', diagnosis: { ...HEALTHY, ...changes } }));

test('redis-version: before 6.2, and nothing of a user that may not call INFO', () => {
  assert.deepEqual(check({}), []);
  assert.deepEqual(check({ info: undefined, clockOffsetMs: undefined }), []);
  assert.deepEqual(check({ info: { ...HEALTHY.info, redis_version: '6.0.16' } }), ['redis-version']);
  assert.deepEqual(check({ info: { ...HEALTHY.info, redis_version: '6.2.0' } }), []);
});

test('redis-clock: an hour behind, and not a few seconds', () => {
  assert.deepEqual(check({ clockOffsetMs: -3_600_000 }), ['redis-clock']);
  assert.deepEqual(check({ clockOffsetMs: 3_600_000 }), ['redis-clock']);
  assert.deepEqual(check({ clockOffsetMs: 5000 }), []);
});

test('endpoint-local: a container that only listens to itself', () => {
  const facts = {
    host: 'localhost',
    port: 9464,
    url: 'http://127.0.0.1:9464/metrics',
    prefix: 'shop',
    holder: 'this project',
    isOurs: true,
    answer: { status: 200, body: '' },
    instancesHere: 1,
    isContainer: true,
    freePort: 1,
  };
  assert.deepEqual(names(checkEndpoint(facts)), ['endpoint-local']);
  assert.deepEqual(checkEndpoint({ ...facts, host: '0.0.0.0' }), []);
  assert.deepEqual(checkEndpoint({ ...facts, isContainer: false }), []);
});

const FOLDER: FolderFacts = {
  folder: '/srv/metrics/shop',
  isPrivate: true,
  kind: 'folder',
  mode: 0o700,
  uid: 1000,
  isWritable: true,
  freeBytes: 10_000_000_000,
  fileSystem: 0xef53,
};

const checkedFolder = (changes: Partial<FolderFacts>): string[] =>
  names(checkFolder({ ...FOLDER, ...changes }, 1000));

test('local-folder-unsafe: each way in which a folder is not for its owner alone', () => {
  assert.deepEqual(checkedFolder({}), []);
  assert.deepEqual(checkedFolder({ mode: 0o770 }), []);
  for (const changes of [
    { kind: 'link' },
    { kind: 'other' },
    { uid: 0 },
    { mode: 0o702 },
    { isWritable: false },
  ] as const)
    assert.deepEqual(checkedFolder(changes), ['local-folder-unsafe']);
  assert.deepEqual(checkedFolder({ isPrivate: false, uid: 0, mode: 0o777 }), []);
});

test('local-folder-network: NFS', () => {
  assert.deepEqual(checkedFolder({ fileSystem: 0x6969 }), ['local-folder-network']);
});

test('local-folder-full: said once of two folders of one disk', () => {
  const full = { ...FOLDER, freeBytes: 4096 };
  assert.deepEqual(names(checkFolders([{ ...full, isPrivate: false }, full], 1000)), ['local-folder-full']);
});

test('the commands are those of the ACL line', () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'security.md'), 'utf8');
  const [, rights = ''] = /^ACL SETUSER shop .* -@all (.+)$/m.exec(page) ?? [];
  assert.deepEqual(
    rights.split(' '),
    PROJECT_COMMANDS.map((command) => `+${command}`),
  );
});

test('every finding is explained in docs/doctor.md', () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'doctor.md'), 'utf8');
  for (const [name, { severity }] of Object.entries(FINDING_TABLE))
    assert.match(page, new RegExp(`^\\| \`${name}\` \\| ${severity} \\|`, 'm'));
});

test('every finding is planted by a test of its own name', () => {
  const folder = join(PACKAGE_ROOT, 'test', 'cli', 'doctor');
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const planted = new Set(
    texts.flatMap((one) => Array.from(one.matchAll(/(?:test\(|\[)['`]([a-z-]+)[:'`]/g), ([, name]) => name)),
  );
  assert.deepEqual(
    Object.keys(FINDING_TABLE).filter((name) => !planted.has(name)),
    [],
  );
});
