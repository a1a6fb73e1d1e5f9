import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assert as check, integer, property, tuple } from 'fast-check';

import { LabelList, LearnedLabel, listedLabel } from '../../../src/instrumentation/meter/label-list.js';

const COLORS = [undefined, 'red', 'green'];
const SIZES = [1, 2, 3, 4];
const FLAGS = [true, false];

describe('a list of labels', () => {
  const list = new LabelList(
    listedLabel('color', COLORS),
    listedLabel('size', SIZES),
    listedLabel('flag', FLAGS),
    listedLabel('a', COLORS),
    listedLabel('b', SIZES),
    listedLabel('c', FLAGS),
  );
  const digit = (values: readonly unknown[]) => integer({ min: 0, max: values.length - 1 });

  test('attributes are those of the digits that a code was made of', () => {
    const digits = [COLORS, SIZES, FLAGS, COLORS, SIZES, FLAGS].map(digit);
    const [color, size, flag, a, b, c] = digits;
    assert.ok(color && size && flag && a && b && c);
    check(
      property(tuple(color, size, flag, a, b, c), (chosen) => {
        const expected = {
          color: COLORS[chosen[0]],
          size: SIZES[chosen[1]],
          flag: FLAGS[chosen[2]],
          a: COLORS[chosen[3]],
          b: SIZES[chosen[4]],
          c: FLAGS[chosen[5]],
        };
        const there = Object.entries(expected).filter(([, value]) => value !== undefined);
        assert.deepEqual(list.attributes(list.code(...chosen)), Object.fromEntries(there));
      }),
    );
  });

  test('no two combinations have one code', () => {
    const small = new LabelList(listedLabel('a', COLORS), listedLabel('b', FLAGS), listedLabel('c', SIZES));
    const codes = COLORS.flatMap((_a, a) =>
      FLAGS.flatMap((_b, b) => SIZES.map((_c, c) => small.code(a, b, c))),
    );
    assert.equal(new Set(codes).size, COLORS.length * FLAGS.length * SIZES.length);
  });

  test('more combinations than a small integer holds are refused', () => {
    const large = listedLabel(
      'n',
      Array.from({ length: 50_000 }, (_, n) => n),
    );
    assert.throws(() => new LabelList(large, large), RangeError);
  });
});

test('a learned label numbers values as they come, and the last digit is _OTHER', () => {
  const label = new LearnedLabel('version', 4, '1.1');
  const values = ['1.1', '2', '1.0', '2', '0.9', '3', undefined];
  assert.deepEqual(
    values.map((value) => label.valueOf(label.digitOf(value))),
    ['1.1', '2', '1.0', '2', '_OTHER', '_OTHER', '_OTHER'],
  );
  const absent = new LearnedLabel('error', 4);
  assert.equal(absent.valueOf(absent.digitOf(undefined)), undefined);
});
