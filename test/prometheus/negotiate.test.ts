import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { acceptsGzip, negotiate } from '../../src/prometheus/negotiate.js';
import { OPENMETRICS, PROTOBUF, SCRAPERS, TEXT, TEXT1 } from './scrapers.js';

const RULES: ReadonlyArray<readonly [accept: string, contentType: string]> = [
  ['', TEXT],
  ['text/plain', TEXT],
  ['TEXT/Plain; Version=0.0.4', TEXT],
  ['text/*', TEXT],
  // Not ours: the last resort is what everybody reads, never a 406.
  ['application/json', TEXT],
  ['text/plain;version=9', TEXT],
  ['text/plain;version=1.0.0', `${TEXT1}; escaping=underscores`],
  ['application/openmetrics-text;version=2.0.0', TEXT],
  [
    'application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1',
    `${OPENMETRICS}; escaping=underscores`,
  ],
  // "If no version is asked for, 1.0.0."
  ['application/openmetrics-text', `${OPENMETRICS}; escaping=underscores`],
  ['application/*', `${OPENMETRICS}; escaping=underscores`],
  // Quality: the highest, of equals the first; 0 is a refusal.
  ['text/plain;q=0.4,application/openmetrics-text;q=0.5', `${OPENMETRICS}; escaping=underscores`],
  ['text/plain;q=0.5,application/openmetrics-text;q=0.5', TEXT],
  ['application/openmetrics-text;q=0,*/*;q=0.1', TEXT],
  ['application/openmetrics-text;q=0', TEXT],
  // Malformed parts do not spoil the others.
  ['application/openmetrics-text;q=high, text/plain;q=0.1', TEXT],
  [';;,,=, application/openmetrics-text ; version = "1.0.0" ; q=1.0', `${OPENMETRICS}; escaping=underscores`],
  ['application/openmetrics-text;version="1.0.0', TEXT],
  // Escaping schemes, and nothing of the request in the reply.
  ['application/openmetrics-text;version=1.0.0;escaping=dots', `${OPENMETRICS}; escaping=dots`],
  ['application/openmetrics-text;version=1.0.0;escaping=values', `${OPENMETRICS}; escaping=values`],
  ['application/openmetrics-text;version=1.0.0;escaping=allow-utf8', `${OPENMETRICS}; escaping=allow-utf-8`],
  ['application/openmetrics-text;version=1.0.0;escaping=<script>', `${OPENMETRICS}; escaping=underscores`],
  // Only formats from 1.0.0 on have one.
  ['text/plain;version=0.0.4;escaping=allow-utf-8', TEXT],
  [
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=values',
    `${PROTOBUF}; escaping=values`,
  ],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text', TEXT],
  ['application/vnd.google.protobuf', TEXT],
];

describe('negotiate', () => {
  for (const { scraper, accept, contentType } of SCRAPERS) {
    test(scraper, () => assert.equal(negotiate(accept).contentType, contentType));
  }
  for (const [accept, contentType] of RULES) {
    test(JSON.stringify(accept), () => assert.equal(negotiate(accept).contentType, contentType));
  }

  test('any header gets one of our content types', () => {
    const parts = fc.constantFrom(
      'text/plain',
      'application/openmetrics-text',
      ';',
      ',',
      'q=',
      '0.5',
      '"',
      '\\',
      'version=1.0.0',
      '*/*',
      ' ',
    );
    const header = fc
      .array(fc.oneof(parts, fc.string({ maxLength: 4 })), { maxLength: 12 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(header, (accept) => {
        assert.match(
          negotiate(accept).contentType,
          /^(text\/plain|application\/openmetrics-text); version=(0\.0\.4|0\.0\.1|1\.0\.0); charset=utf-8(; escaping=underscores)?$/,
        );
      }),
    );
  });

  test('a header of megabytes is not looked at', () => {
    assert.equal(negotiate('application/openmetrics-text,'.repeat(100_000)).contentType, TEXT);
  });
});

describe('acceptsGzip', () => {
  const cases: ReadonlyArray<readonly [header: string | undefined, expected: boolean]> = [
    [undefined, false],
    ['', false],
    ['gzip', true],
    ['gzip, deflate, br', true],
    ['deflate, GZIP;q=0.5', true],
    ['x-gzip', true],
    ['gzip;q=0', false],
    ['*', true],
    ['*;q=0', false],
    ['gzip;q=0, *', false],
    ['identity', false],
    ['br', false],
  ];
  for (const [header, expected] of cases) {
    test(`${header}: ${expected}`, () => assert.equal(acceptsGzip(header), expected));
  }
});
