import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RateWindow } from '../../../src/instrumentation/host/rate-window.js';

/** A counter that grows by `perSecond`, and a clock. */
function counting(perSecond: number) {
  let mark = 0;
  let value = 100;
  const window = new RateWindow(() => mark);
  return {
    pass(seconds: number, rate = perSecond) {
      mark += seconds * 1000;
      value += seconds * rate;
    },
    read: () => window.grown([value]),
    rate() {
      const grown = window.grown([value]);
      return grown === undefined ? undefined : (grown.gains[0] ?? NaN) / grown.seconds;
    },
  };
}

test('a second reader, however close behind the first, sees the same', () => {
  const counter = counting(3);
  assert.equal(counter.rate(), undefined);
  for (let round = 0; round < 10; round++) {
    counter.pass(15, round);
    const first = counter.read();
    counter.pass(0.015, round);
    const second = counter.read();
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(first.seconds >= 15 && second.seconds >= 15, `${first.seconds}, ${second.seconds}`);
    assert.ok(
      Math.abs((first.gains[0] ?? NaN) / first.seconds - (second.gains[0] ?? NaN) / second.seconds) < 0.1,
    );
  }
});

test('frequent readings look back five seconds, and no further than one reading more', () => {
  const counter = counting(1);
  for (let passed = 0; passed < 100; passed += 0.25) {
    counter.read();
    counter.pass(0.25);
  }
  const { seconds = NaN } = counter.read() ?? {};
  assert.ok(seconds >= 5 && seconds <= 6.25, String(seconds));
  counter.pass(10, 7);
  assert.equal(counter.rate(), 7);
});

test('too short a time says nothing, and a counter that goes back has not grown', () => {
  const counter = counting(1);
  counter.read();
  counter.pass(0.5);
  assert.equal(counter.read(), undefined);
  counter.pass(0.5);
  assert.equal(counter.rate(), 1);
  counter.pass(10, -1);
  assert.equal(counter.rate(), 0);
});
