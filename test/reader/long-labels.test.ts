import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Attributes } from '@opentelemetry/api';

import { DEFAULT_MAX_LABEL_LENGTH } from '../../src/model/shorten.js';
import { Application } from './application.js';
import { projectOn, STORE_KINDS } from './each-store.js';

const long = (text: string): string => text + 'x'.repeat(1_000_000);

for (const kind of STORE_KINDS) {
  test(`long label values cost themselves, counted and said once: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const { meter, reader, warnings, codes } = open();
    let cut = 0;
    reader.exporter.onFlush = (report) => {
      cut += report.cut;
    };
    meter.createCounter('orders').add(3);
    const big = meter.createCounter('big');
    for (let id = 0; id < 50; id += 1)
      for (let n = 0; n < 2; n += 1) big.add(1, { statement: long(String(id)) });
    await reader.forceFlush();
    const { families } = await reader.snapshot();
    const values = (name: string): Array<readonly [string, number | undefined]> => {
      const found = families.find(({ family }) => family.name === name)?.series ?? [];
      return found.map((one) => [one.series.attributes[0]?.[1] ?? '', one.values[0]]);
    };
    assert.deepEqual(values('orders'), [['', 3]]);
    const statements = values('big');
    assert.equal(new Set(statements.map(([label]) => label)).size, 50);
    for (const [label, value] of statements) {
      assert.equal(label.length, DEFAULT_MAX_LABEL_LENGTH);
      assert.match(label, /^\d+x+~[\w-]{12}$/);
      assert.equal(value, 2);
    }
    assert.equal(cut, 100);
    assert.deepEqual(codes, ['ORCHESTRATOR_LABELS_CUT']);
    assert.match(warnings[0] ?? '', /^Metric big: the attribute statement is too long/);
  });
}

/** What the labels of the one series of `c` are, after each of the given records. */
async function labelsOf(guarded: boolean, records: readonly Attributes[]): Promise<string[]> {
  const app = new Application({ guarded, reader: { maxLabelLength: 64 } });
  const counter = app.provider.getMeter('m').createCounter('c');
  for (const attributes of records) counter.add(1, attributes);
  return Object.keys((await app.values())['c'] ?? {});
}

describe('a text that is too long', () => {
  const records: readonly Attributes[] = [
    { text: 'a'.repeat(65) },
    { text: 'a'.repeat(64) },
    { list: Array.from({ length: 40 }, (_, index) => `item ${index}`) },
    { [`key ${'k'.repeat(100)}`]: 'value' },
    { text: `${'b'.repeat(50)}\u{1f600}${'b'.repeat(50)}` },
    { text: `${'b'.repeat(50)}\ud83d${'b'.repeat(50)}` },
  ];

  test('is the same label whether it is cut before the SDK or after it, and in every process', async () => {
    const labels = await labelsOf(true, records);
    assert.deepEqual(await labelsOf(false, records), labels);
    assert.equal(labels.length, records.length);
    for (const label of labels) {
      assert.ok(label.length <= 64 + 64 + 1, label);
      assert.ok(label.isWellFormed());
    }
    assert.ok(labels.includes(`text=${'a'.repeat(64)}`));
  });

  test('may also be a name, a unit, a description or the scope', async () => {
    const app = new Application({ guarded: true });
    const scope = 's'.repeat(5000);
    const names = ['n'.repeat(5000), `${'n'.repeat(5000)}o`];
    for (const name of names)
      app.provider
        .getMeter(scope, 'v'.repeat(5000))
        .createCounter(name, { unit: `{${'u'.repeat(5000)}}`, description: 'd'.repeat(5000) })
        .add(1);
    const { families } = await app.reader.snapshot();
    assert.equal(families.length, 2);
    for (const { family, series } of families) {
      const { name: scopeName, version = '' } = series[0]?.series.scope ?? { name: '' };
      for (const text of [family.name, family.unit, family.help, scopeName, version])
        assert.equal(text.length, DEFAULT_MAX_LABEL_LENGTH);
    }
    assert.ok(app.lost.cut > 0);
  });
});

test('a series whose labels are too long together is summed with others like it', async () => {
  const app = new Application({ guarded: true });
  const counter = app.provider.getMeter('m').createCounter('c');
  for (let id = 0; id < 3; id += 1)
    counter.add(
      1,
      Object.fromEntries(Array.from({ length: 100 }, (_, key) => [`key ${key}`, `${id}`.repeat(1000)])),
    );
  counter.add(1, { short: 'yes' });
  assert.deepEqual(await app.values(), { c: { 'short=yes': [1], 'otel.metric.overflow=true': [3] } });
  assert.equal(app.lost.overflowed, 3);
});
