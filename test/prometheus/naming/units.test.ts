import assert from 'node:assert/strict';
import { test } from 'node:test';

import { unitWords } from '../../../src/prometheus/naming/units.js';

const LISTED: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tebibytes',
  kBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
};

test('"MUST be converted from the UCUM unit to the equivalent unit word", every one that the specification lists', () => {
  for (const [unit, words] of Object.entries(LISTED)) assert.equal(unitWords(unit), words, unit);
});

test('"Portions within brackets MUST be dropped", "rates over time MUST be converted to words"', () => {
  const cases: Readonly<Record<string, string>> = {
    '': '',
    '1': '',
    '{request}': '',
    'By{payload}': 'bytes',
    'm/s': 'meters_per_second',
    'By/s': 'bytes_per_second',
    '{request}/s': 'per_second',
    '1/min': 'per_minute',
    'By/{request}': 'bytes',
    'Cel/h': 'celsius_per_hour',
    'J/Hz': 'joules_per_hertz',
    'km/wk': 'km_per_week',
    's / min': 'seconds_per_minute',
  };
  for (const [unit, words] of Object.entries(cases)) assert.equal(unitWords(unit), words, unit);
});

test('an unknown unit stays, reduced to what a name may hold', () => {
  assert.equal(unitWords('requests'), 'requests');
  assert.equal(unitWords('kg.m2'), 'kg_m2');
  assert.equal(unitWords('°'), '');
  assert.equal(unitWords('€/kWh'), 'per_kWh');
  assert.equal(unitWords('constructor'), 'constructor');
  assert.equal(unitWords('__proto__'), 'proto');
});
