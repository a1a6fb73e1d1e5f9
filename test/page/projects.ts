import type { Snapshot, SnapshotFamily } from '../../src/model/snapshot.js';
import { counter, gauge, histogram, series } from '../contract/bed.js';

/** What runs, if it runs at all: it leaves a trace that a test sees. */
export const HOSTILE =
  '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'`javascript:window.hacked=1';

const BOUNDARIES = [0.005, 0.01, 0.1, 1];

/** A project that goes on: each snapshot has more than the one before. */
export class GrowingProject {
  reads = 0;
  /** Names of its routes. */
  routes: readonly string[] = ['/users/{id}', '/checkout', '/slow'];
  instances = 3;
  /** Another set with each snapshot: processes that come and go. */
  changesInstances = false;
  /** Why it cannot be read. */
  failure: string | undefined;

  readonly read = async (): Promise<Snapshot> => {
    if (this.failure !== undefined) throw new Error(this.failure);
    this.reads += 1;
    return this.#snapshot(this.reads);
  };

  #snapshot(round: number): Snapshot {
    const generation = this.changesInstances ? round : 0;
    const ids = Array.from({ length: this.instances }, (_, index) => `instance-${generation}-${index}`);
    return {
      resource: [],
      instances: this.instances,
      processes: ids.map((id, index) => ({
        id,
        resource: [
          ['host.name', 'host-1'],
          ['process.creation.time', new Date(1_700_000_000_000 + index).toISOString()],
          ['process.pid', String(1000 + generation * 10 + index)],
        ],
      })),
      families: [
        this.#requests(round),
        ofInstances('nodejs.eventloop.delay.p99', ids, 0.01),
        ofInstances('process.memory.usage', ids, 80_000_000),
        hostMemory(),
        checks(ids),
        {
          family: { ...counter('shop.orders'), help: HOSTILE },
          series: [{ series: series({ country: 'NL', note: HOSTILE }), startMs: 1, values: [round * 2] }],
        },
      ],
    };
  }

  #requests(round: number): SnapshotFamily {
    return {
      family: histogram('http.server.request.duration', BOUNDARIES),
      series: this.routes.flatMap((route, index) => {
        const labels = { 'http.request.method': 'GET', 'http.route': route };
        const count = round * (index + 1) * 10;
        return [
          {
            series: series({ ...labels, 'http.response.status_code': '200' }),
            startMs: 1,
            values: [count * 0.05, count / 2, count / 4, count / 4, 0, 0],
          },
          {
            series: series({ ...labels, 'http.response.status_code': '500', 'error.type': '500' }),
            startMs: 1,
            values: [round * index * 0.5, 0, 0, 0, round * index, 0],
          },
        ];
      }),
    };
  }
}

function ofInstances(name: string, ids: readonly string[], value: number): SnapshotFamily {
  return {
    family: gauge(name, 'instance'),
    series: ids.map((id, index) => ({
      series: series({ 'service.instance.id': id }),
      startMs: 0,
      values: [value * (index + 1)],
    })),
  };
}

function hostMemory(): SnapshotFamily {
  return {
    family: gauge('system.memory.usage', 'last'),
    series: (['used', 'free'] as const).map((state) => ({
      series: series({ 'host.name': 'host-1', 'system.memory.state': state }),
      startMs: 0,
      values: [state === 'used' ? 4e9 : 12e9],
    })),
  };
}

function checks(ids: readonly string[]): SnapshotFamily {
  return {
    family: gauge('app_health_status', 'instance'),
    series: ids.map((id, index) => ({
      series: series({ check: 'database', critical: 'true', 'service.instance.id': id }),
      startMs: 0,
      values: [index === 0 ? 0 : 1],
    })),
  };
}
