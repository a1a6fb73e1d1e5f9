import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Attributes } from '../../../src/model/series.js';
import type { Snapshot, SnapshotInstance } from '../../../src/model/snapshot.js';
import { ACCEPT, exposition, renderText } from '../render.js';

const SHARED: Attributes = [
  ['deployment.environment.name', 'test'],
  ['process.runtime.version', '22.15.0'],
  ['service.name', 'shop'],
];

function instance(id: string, ...own: Attributes): SnapshotInstance {
  return { id, resource: [...SHARED, ['service.instance.id', id], ...own] };
}

const FIRST = instance(
  'a',
  ['host.name', 'web-1'],
  ['process.pid', '41'],
  ['pm2.id', '0'],
  ['process.command', 'x'],
);
const SECOND = instance('b', ['host.name', 'web-2'], ['process.pid', '42'], ['k8s.pod.name', 'web-x']);

/** As a store hands it over: the resource that all processes share. */
function snapshotOf(...processes: readonly SnapshotInstance[]): Snapshot {
  const [first, ...others] = processes.map(({ resource }) => resource);
  const resource = (first ?? []).filter(([key, value]) =>
    others.every((other) => other.some(([otherKey, otherValue]) => otherKey === key && otherValue === value)),
  );
  return { resource, instances: processes.length, processes, families: [] };
}

function samples(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('what is said of the project and of its processes', () => {
  const targetInfo =
    'target_info{deployment_environment_name="test",process_runtime_version="22.15.0",service_name="shop"} 1';

  test('target_info is the same for one process and for two', async () => {
    for (const snapshot of [snapshotOf(FIRST), snapshotOf(FIRST, SECOND)]) {
      const [line] = samples(await renderText(snapshot));
      assert.equal(line, targetInfo);
    }
  });

  test('orchestrator_instance_info says which process an instance id is', async () => {
    const by = exposition();
    for (const accept of [ACCEPT.text, ACCEPT.text, ACCEPT.openmetrics])
      assert.deepEqual(samples(await renderText(snapshotOf(FIRST, SECOND), accept, by)).slice(1), [
        'orchestrator_instances 2',
        'orchestrator_instance_info{host_name="web-1",pm2_id="0",process_pid="41",service_instance_id="a"} 1',
        'orchestrator_instance_info{host_name="web-2",k8s_pod_name="web-x",process_pid="42",service_instance_id="b"} 1',
      ]);
  });

  test('a process whose name changes, because another one has it too, is shown under the new one', async () => {
    const by = exposition({ targetInfo: true });
    await renderText(snapshotOf(FIRST), ACCEPT.text, by);
    const renamed = snapshotOf({ ...FIRST, id: 'a#1' });
    assert.match(await renderText(renamed, ACCEPT.text, by), /service_instance_id="a#1"/);
  });

  test('both can be switched off, and a store may know no processes', async () => {
    const off = await renderText(snapshotOf(FIRST), ACCEPT.text, exposition({ targetInfo: false }));
    assert.deepEqual(samples(off), ['orchestrator_instances 1']);
    const unknown = await renderText({ resource: SHARED, instances: 1, families: [] });
    assert.deepEqual(samples(unknown), [targetInfo, 'orchestrator_instances 1']);
  });
});
