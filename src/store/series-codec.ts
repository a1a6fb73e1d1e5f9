import type { Attributes, Scope, Series } from './metric-store.js';

/** The identity of a series as text: equal if and only if scope and attributes are equal. */
export function encodeSeries(scope: Scope, attributes: Attributes): string {
  return JSON.stringify([
    scope.name,
    scope.version ?? null,
    scope.schemaUrl ?? null,
    scope.attributes ?? [],
    attributes,
  ]);
}

/** The inverse of {@link encodeSeries}. Throws on text that it did not make. */
export function decodeSeries(id: string, text: string): Series {
  const [name, version, schemaUrl, scopeAttributes, attributes] = JSON.parse(text) as [
    string,
    string | null,
    string | null,
    Attributes,
    Attributes,
  ];
  return { id, scope: makeScope(name, version, schemaUrl, scopeAttributes), attributes };
}

/** A scope from its parts; `null` and empty mean absent. */
export function makeScope(
  name: string,
  version: string | null,
  schemaUrl: string | null,
  attributes: Attributes,
): Scope {
  return {
    name,
    ...(version !== null && version !== '' && { version }),
    ...(schemaUrl !== null && schemaUrl !== '' && { schemaUrl }),
    ...(attributes.length > 0 && { attributes }),
  };
}
