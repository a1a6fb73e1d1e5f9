import type { AttributeValue, Attributes as OtelAttributes } from '@opentelemetry/api';

import { type Attributes, makeScope, type Scope } from '../model/series.js';

/** What the SDK hands over as the scope of a metric; attributes exist from sdk-metrics 2.x on. */
export interface OtelScope {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schemaUrl?: string | undefined;
  readonly attributes?: OtelAttributes | undefined;
}

/** Brings a text to a length that a store can take. @param key of the attribute whose value it is; undefined for other texts */
export type Fit = (text: string, key?: string) => string;

const asItIs: Fit = (text) => text;

/**
 * Attributes as sorted pairs of well-formed strings. Non-string values are converted as the specification's attribute
 * rules say (JSON for arrays). A lone surrogate would make the UTF-8 of a whole scrape invalid, so it is replaced here,
 * once, before anything is hashed or stored.
 */
export function normalizeAttributes(attributes: OtelAttributes | undefined, fit: Fit = asItIs): Attributes {
  if (attributes === undefined) return [];
  const pairs: Array<readonly [string, string]> = [];
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined || value === null) continue;
    const name = fit(key.toWellFormed());
    pairs.push([name, fit(attributeText(value), name)]);
  }
  return pairs.length > 1 ? pairs.toSorted(byKey) : pairs;
}

function byKey(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object') return String(value);
  // Undefined when a toJSON of the application's own answers nothing.
  const json: string | undefined = JSON.stringify(value);
  return (json ?? '').toWellFormed();
}

export function normalizeScope(scope: OtelScope, fit: Fit = asItIs): Scope {
  const text = (value: string | undefined): string | null =>
    value === undefined ? null : fit(value.toWellFormed());
  return makeScope(
    fit(scope.name.toWellFormed()),
    text(scope.version),
    text(scope.schemaUrl),
    normalizeAttributes(scope.attributes, fit),
  );
}
