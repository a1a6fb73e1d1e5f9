import type { Family } from '../../model/family.js';
import type { Attributes, Series } from '../../model/series.js';
import type { SnapshotFamily, SnapshotInstance } from '../../model/snapshot.js';

/**
 * Attributes of one process, container or host. `target_info` stands for the whole project: with these in it, it would
 * become another series when a second process starts, and again when it ends.
 */
const OF_ONE_PROCESS =
  /^(?:service\.instance|process|pm2|host|os|container|device|k8s\.(?:pod|node|container|replicaset|job))\./;

/** Shared by all processes of one version of an application, wherever they run. */
const OF_ALL = /^process\.runtime\./;

/** The attributes for `target_info`. */
export function projectAttributes(resource: Attributes): Attributes {
  return resource.filter(([key]) => OF_ALL.test(key) || !OF_ONE_PROCESS.test(key));
}

/** What a person looks for in `ps`, `pm2 ls` and `kubectl get pods`. Each is another label, none another series. */
const SHOWN_OF_PROCESS: ReadonlySet<string> = new Set([
  'host.name',
  'process.pid',
  'pm2.id',
  'k8s.pod.name',
  'service.version',
]);

const INSTANCE_INFO: Family = {
  key: 'orchestrator_instance_info',
  name: 'orchestrator_instance_info',
  type: 'gauge',
  unit: '',
  help: 'The process behind each service_instance_id.',
};

const NO_SCOPE = { name: '' };

/** The family `orchestrator_instance_info`: one series for each live process, by which its other series can be joined. */
export class InstanceInfo {
  /** Kept as long as the store keeps the process's resource, so that its labels are encoded once. */
  readonly #series = new WeakMap<Attributes, Series>();

  of(instances: readonly SnapshotInstance[]): SnapshotFamily {
    const series = instances.map((instance) => ({
      series: this.#seriesOf(instance),
      startMs: 0,
      values: [1],
    }));
    return { family: INSTANCE_INFO, series };
  }

  #seriesOf({ id, resource }: SnapshotInstance): Series {
    const known = this.#series.get(resource);
    if (known?.id === id) return known;
    const shown = resource.filter(([key]) => SHOWN_OF_PROCESS.has(key));
    const series: Series = { id, scope: NO_SCOPE, attributes: [...shown, ['service.instance.id', id]] };
    this.#series.set(resource, series);
    return series;
  }
}
