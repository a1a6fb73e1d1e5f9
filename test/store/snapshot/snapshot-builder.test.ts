import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { familyKey, type Family } from '../../../src/model/family.js';
import { makeSeries, type Attributes, type Series } from '../../../src/model/series.js';
import { createSnapshotBuilder } from '../../../src/store/snapshot/snapshot-builder.js';
import type { StoredFamily, StoredInstance, StoredSeries } from '../../../src/store/snapshot/stored-state.js';
import type { Snapshot, SnapshotFamily } from '../../../src/model/snapshot.js';

const NOW = 1_000_000;
const TTL = 1000;

const family = (parts: Partial<Family> & Pick<Family, 'name' | 'type'>): Family => {
  const described = { unit: '', help: '', ...parts };
  return { ...described, key: familyKey(described) };
};
const series = (...attributes: Attributes): Series => makeSeries({ name: 'test' }, attributes);
const stored = (of: Series, values: readonly number[], parts: Partial<StoredSeries> = {}): StoredSeries => ({
  series: of,
  updatedAtMs: NOW,
  startedAtMs: 500,
  values,
  ...parts,
});
const additive = (of: Family, list: readonly StoredSeries[], createdAtMs = 1): StoredFamily => ({
  family: of,
  createdAtMs,
  series: list,
});
const instance = (
  lease: string,
  resource: Attributes,
  values: ReadonlyArray<readonly [Family, Series, number, recordedAtMs?: number]>,
): StoredInstance => ({
  lease,
  resource,
  values: values.map(([of, one, value, recordedAtMs = 1]) => ({
    familyKey: of.key,
    series: one,
    value,
    recordedAtMs,
  })),
});
const build = (
  families: readonly StoredFamily[],
  instances: readonly StoredInstance[] = [],
): Promise<Snapshot> => createSnapshotBuilder(TTL).build({ atMs: NOW, families, instances });

const id = (value: string): Attributes => [['service.instance.id', value]];
const histogram = (boundaries: readonly number[]): Family =>
  family({ name: 'h', type: 'histogram', unit: 's', boundaries });
/** The count at or below `limit`. */
const below = (bounds: readonly number[], counts: readonly number[], limit: number): number =>
  counts.reduce((sum, count, index) => ((bounds[index] ?? Infinity) <= limit ? sum + count : sum), 0);

/** What three instances with the values 4, 1 and 7 become; the second is the newest. */
const aggregated = async (aggregation: NonNullable<Family['aggregation']>): Promise<number[]> => {
  const gauge = family({ name: 'g', type: 'gauge', aggregation });
  const snapshot = await build(
    [additive(gauge, [])],
    [
      instance('l1', id('one'), [[gauge, series(), 4, 30]]),
      instance('l2', id('two'), [[gauge, series(), 1, 50]]),
      instance('l3', id('three'), [[gauge, series(), 7, 40]]),
    ],
  );
  return (snapshot.families[0]?.series ?? []).map((point) => point.values[0] ?? Number.NaN);
};

/** Families as plain data: attributes and values only. */
const plain = (families: readonly SnapshotFamily[]) =>
  families.map((one) => [
    one.family.name,
    one.series.map((point) => [Object.fromEntries(point.series.attributes), Array.from(point.values)]),
  ]);

describe('stored series', async () => {
  const requests = family({ name: 'requests', type: 'counter' });

  test('leave when they were not written for the time to live, and an empty family leaves with them', async () => {
    const old = family({ name: 'old', type: 'counter' });
    const snapshot = await build([
      additive(requests, [
        stored(series(['a', '1']), [3], { updatedAtMs: NOW - TTL + 1 }),
        stored(series(['a', '2']), [4], { updatedAtMs: NOW - TTL }),
      ]),
      additive(old, [stored(series(), [1], { updatedAtMs: NOW - TTL })]),
    ]);
    assert.deepEqual(plain(snapshot.families), [['requests', [[{ a: '1' }, [3]]]]]);
    assert.equal(snapshot.families[0]?.series[0]?.startMs, 500);
  });

  test('families are listed oldest first, and a changed type or unit stays apart', async () => {
    const gauge = family({ name: 'requests', type: 'gauge', aggregation: 'last' });
    const bytes = family({ name: 'requests', type: 'counter', unit: 'By' });
    const snapshot = await build(
      [
        additive(bytes, [stored(series(), [1])], 3),
        additive(gauge, [], 2),
        additive(requests, [stored(series(), [2])], 1),
      ],
      [instance('l1', [], [[gauge, series(), 7]])],
    );
    assert.deepEqual(
      snapshot.families.map((one) => [one.family.type, one.family.unit]),
      [
        ['counter', ''],
        ['gauge', ''],
        ['counter', 'By'],
      ],
    );
  });

  test('keep gives the stored value, whichever instances live', async () => {
    const job = family({ name: 'job', type: 'gauge', aggregation: 'keep' });
    const snapshot = await build(
      [additive(job, [stored(series(), [42])])],
      [instance('l1', [], [[job, series(), 1]])],
    );
    assert.deepEqual(plain(snapshot.families), [['job', [[{}, [42]]]]]);
    assert.equal(snapshot.families[0]?.series[0]?.startMs, 0);
  });
});

describe('current values', () => {
  test('become one answer by sum, min, max, avg and last', async () => {
    assert.deepEqual(await aggregated('sum'), [12]);
    assert.deepEqual(await aggregated('min'), [1]);
    assert.deepEqual(await aggregated('max'), [7]);
    assert.deepEqual(await aggregated('avg'), [4]);
    assert.deepEqual(await aggregated('last'), [1]);
    assert.deepEqual(await aggregated('instance'), [4, 1, 7]);
  });

  test('one instance without a number does not hide the minimum and maximum of the others', async () => {
    for (const [aggregation, expected] of [
      ['min', 1],
      ['max', 2],
    ] as const) {
      const gauge = family({ name: 'g', type: 'gauge', aggregation });
      const values = [Number.NaN, 1, 2].map((value, index) =>
        instance(`l${index}`, id(String(index)), [[gauge, series(), value]]),
      );
      const { families } = await build([additive(gauge, [])], values);
      assert.equal(families[0]?.series[0]?.values[0], expected);
    }
  });

  test('are told apart by service.instance.id, in its place among the sorted attributes', async () => {
    const gauge = family({ name: 'g', type: 'gauge', aggregation: 'instance' });
    const one = series(['a', 'x'], ['z', 'y']);
    const same = (startedAt: string): Attributes => [
      ['process.creation.time', startedAt],
      ['service.instance.id', 'same'],
    ];
    const snapshot = await build(
      [additive(gauge, [])],
      [
        instance('lease-of-1', id('one'), [[gauge, one, 1]]),
        instance('aaaaaaaa-2', same('2026-01-02T00:00:00.000Z'), [[gauge, one, 2]]),
        instance('bbbbbbbb-3', same('2026-01-01T00:00:00.000Z'), [[gauge, one, 3]]),
        instance('cccccccc-4', [], [[gauge, one, 4]]),
      ],
    );
    assert.deepEqual(
      snapshot.families[0]?.series.map((point) => [point.series.attributes, point.values[0]]),
      [
        ['same#aaaaaaaa', 2],
        ['same', 3],
        ['cccccccc-4', 4],
        ['one', 1],
      ].map(([name, value]) => [
        [
          ['a', 'x'],
          ['service.instance.id', name],
          ['z', 'y'],
        ],
        value,
      ]),
    );
    const ids = new Set(snapshot.families[0]?.series.map((point) => point.series.id));
    assert.equal(ids.size, 4);
  });

  test('a series that names an instance itself is never listed twice', async () => {
    const gauge = family({ name: 'g', type: 'gauge', aggregation: 'instance' });
    const watched = series(['service.instance.id', 'db-1']);
    const snapshot = await build(
      [additive(gauge, [])],
      [
        instance('l1', id('one'), [[gauge, watched, 1, 10]]),
        instance('l2', id('two'), [[gauge, watched, 2, 20]]),
      ],
    );
    assert.deepEqual(plain(snapshot.families), [['g', [[{ 'service.instance.id': 'db-1' }, [2]]]]]);
  });

  test('live instances are listed by the names that their series carry', async () => {
    const gauge = family({ name: 'g', type: 'gauge', aggregation: 'instance' });
    const shared: Attributes = [['service.instance.id', 'x']];
    const own: Attributes = [['service.instance.id', 'y']];
    const { processes, families } = await build(
      [additive(gauge, [])],
      [
        instance('lease-3-of-many', own, [[gauge, series(), 3]]),
        instance('lease-1-of-many', shared, [[gauge, series(), 1]]),
        instance('lease-2-of-many', shared, [[gauge, series(), 2]]),
      ],
    );
    assert.deepEqual(processes, [
      { id: 'x', resource: shared },
      { id: 'x#lease-2-', resource: shared },
      { id: 'y', resource: own },
    ]);
    assert.deepEqual(
      families[0]?.series.map(({ series: { attributes } }) => attributes[0]?.[1]),
      processes?.map((process) => process.id),
    );
  });

  test('the resource is what all live instances share', async () => {
    const snapshot = await build(
      [],
      [
        instance('l1', [['a', '1'], ['b', '1'], ...id('one')], []),
        instance('l2', [['a', '1'], ['b', '2'], ...id('two')], []),
      ],
    );
    assert.deepEqual(snapshot.resource, [['a', '1']]);
    assert.equal(snapshot.instances, 2);
    assert.deepEqual((await build([])).resource, []);
  });
});

describe('changed buckets', () => {
  test('are merged on the boundaries that all versions have', async () => {
    const snapshot = await build([
      additive(histogram([1, 2, 5]), [
        stored(series(['a', '1']), [10, 1, 2, 3, 4], { startedAtMs: 300 }),
        stored(series(['a', '2']), [1, 0, 0, 1, 0]),
      ]),
      additive(histogram([1, 3, 5]), [stored(series(['a', '1']), [20, 5, 6, 7, 8])], 2),
    ]);
    assert.equal(snapshot.families.length, 1);
    assert.deepEqual(snapshot.families[0]?.family, histogram([1, 5]));
    assert.deepEqual(plain(snapshot.families), [
      [
        'h',
        [
          [{ a: '1' }, [30, 6, 18, 12]],
          [{ a: '2' }, [1, 0, 1, 0]],
        ],
      ],
    ]);
    assert.equal(snapshot.families[0]?.series[0]?.startMs, 300);
  });

  test('versions with no boundary in common keep sum and count', async () => {
    const snapshot = await build([
      additive(histogram([1]), [stored(series(), [10, 1, 2])]),
      additive(histogram([2]), [stored(series(), [5, 3, 4])], 2),
    ]);
    assert.deepEqual(plain(snapshot.families), [['h', [[{}, [15, 10]]]]]);
  });

  test('a version that is no longer written does not coarsen the others', async () => {
    const snapshot = await build([
      additive(histogram([1]), [stored(series(), [10, 1, 2], { updatedAtMs: 0 })]),
      additive(histogram([2]), [stored(series(), [5, 3, 4])], 2),
    ]);
    assert.deepEqual(snapshot.families[0]?.family, histogram([2]));
    assert.deepEqual(snapshot.families[0]?.series[0]?.values, [15, 4, 6], 'and its share stays');
  });

  test('property: at every shared boundary the cumulative count is the sum of the versions', async () => {
    const version = fc
      .uniqueArray(fc.integer({ min: 0, max: 12 }), { maxLength: 8 })
      .map((bounds) => bounds.toSorted((a, b) => a - b))
      .chain((bounds) =>
        fc.record({
          bounds: fc.constant(bounds),
          counts: fc.array(fc.nat(50), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }),
        }),
      );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(version, { selector: ({ bounds }) => bounds.join(), minLength: 2, maxLength: 4 }),
        async (versions) => {
          const snapshot = await build(
            versions.map(({ bounds, counts }, age) =>
              additive(histogram(bounds), [stored(series(), [0, ...counts])], age),
            ),
          );
          const [merged] = snapshot.families;
          const values = Array.from(merged?.series[0]?.values ?? []).slice(1);
          const shared = merged?.family.boundaries ?? [];
          for (const limit of [...shared, Infinity]) {
            const expected = versions.reduce((sum, one) => sum + below(one.bounds, one.counts, limit), 0);
            assert.equal(below(shared, values, limit), expected);
          }
        },
      ),
    );
  });
});

describe('identity', () => {
  test('a series is the same object in every snapshot until a snapshot lacks it', async () => {
    const gauge = family({ name: 'g', type: 'gauge', aggregation: 'instance' });
    const counter = family({ name: 'c', type: 'counter' });
    const builder = createSnapshotBuilder(TTL);
    // New, equal objects each time, as from a store that decodes them.
    const once = async (present: boolean): Promise<Series[]> => {
      const { families } = await builder.build({
        atMs: NOW,
        families: present ? [additive(counter, [stored(series(['a', '1']), [1])]), additive(gauge, [])] : [],
        instances: present ? [instance('l1', [], [[gauge, series(['a', '1']), 1]])] : [],
      });
      return families.flatMap((one) => one.series.map((point) => point.series));
    };
    const first = await once(true);
    const second = await once(true);
    assert.equal(first.length, 2);
    for (const [index, one] of first.entries()) assert.equal(second[index], one);
    await once(false);
    assert.notEqual((await once(true))[0], first[0]);
  });
});
