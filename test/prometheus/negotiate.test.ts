import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { acceptsGzip, negotiate } from '../../src/prometheus/negotiate.js';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

interface Case {
  readonly client: string;
  readonly accept: string | undefined;
  readonly contentType: string;
}

/**
 * Prometheus 2.42 as it was seen on the wire; 3.x and Alloy as Prometheus' `acceptHeader` builds it; the others by their
 * documentation.
 */
const CLIENTS: readonly Case[] = [
  {
    client: 'Prometheus 2.42',
    accept:
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    contentType: `${OPENMETRICS}; escaping=underscores`,
  },
  {
    client: 'Prometheus 2.42 with native histograms',
    accept:
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    contentType: PROTOBUF,
  },
  {
    client: 'Prometheus 2.20',
    accept: 'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    contentType: 'application/openmetrics-text; version=0.0.1; charset=utf-8',
  },
  {
    client: 'Prometheus 3',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=allow-utf-8`,
  },
  {
    client: 'Prometheus 3 with native histograms',
    accept:
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    contentType: PROTOBUF,
  },
  {
    client: 'Prometheus 3, text only',
    accept: 'text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: 'text/plain; version=1.0.0; charset=utf-8; escaping=underscores',
  },
  {
    client: 'Grafana Alloy (legacy names)',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=underscores`,
  },
  { client: 'VictoriaMetrics, vmagent', accept: 'text/plain;version=0.0.4;q=1,*/*;q=0.1', contentType: TEXT },
  { client: 'curl, wget', accept: '*/*', contentType: TEXT },
  {
    client: 'Firefox',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    contentType: TEXT,
  },
  {
    client: 'Chrome',
    accept:
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    contentType: TEXT,
  },
  { client: 'netcat', accept: undefined, contentType: TEXT },
];

const RULES: ReadonlyArray<readonly [accept: string, contentType: string]> = [
  ['', TEXT],
  ['text/plain', TEXT],
  ['TEXT/Plain; Version=0.0.4', TEXT],
  ['text/*', TEXT],
  // Not ours: the last resort is what everybody reads, never a 406.
  ['application/json', TEXT],
  ['text/plain;version=9', TEXT],
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
  for (const { client, accept, contentType } of CLIENTS) {
    test(client, () => assert.equal(negotiate(accept).contentType, contentType));
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
