import type { AttributeValue, Attributes as OtelAttributes } from '@opentelemetry/api';

import { type Attributes, makeScope, type Scope } from '../model/series.js';

/** What the SDK hands over as the scope of a metric; attributes exist from sdk-metrics 2.x on. */
export interface OtelScope {
  readonly name: string;
  readonly version?: string | undefined;
  readonly schemaUrl?: string | undefined;
  readonly attributes?: OtelAttributes | undefined;
}

/**
 * Attributes as sorted pairs of well-formed strings. Non-string values are converted as the specification's attribute
 * rules say (JSON for arrays). A lone surrogate would make the UTF-8 of a whole scrape invalid, so it is replaced here,
 * once, before anything is hashed or stored.
 */
export function normalizeAttributes(attributes: OtelAttributes | undefined): Attributes {
  if (attributes === undefined) return [];
  const pairs: Array<readonly [string, string]> = [];
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined && value !== null) pairs.push([key.toWellFormed(), attributeText(value)]);
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

export function normalizeScope(scope: OtelScope): Scope {
  return makeScope(
    scope.name.toWellFormed(),
    scope.version?.toWellFormed() ?? null,
    scope.schemaUrl?.toWellFormed() ?? null,
    normalizeAttributes(scope.attributes),
  );
}
