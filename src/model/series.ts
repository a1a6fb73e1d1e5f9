import { digest } from './digest.js';

/** Attributes or labels as sorted `[key, value]` pairs; every value is a well-formed string. */
export type Attributes = ReadonlyArray<readonly [key: string, value: string]>;

/** The value of one of them; undefined if it is not there. */
export function attributeOf(attributes: Attributes, name: string): string | undefined {
  return attributes.find(([key]) => key === name)?.[1];
}

/** The instrumentation scope of a series. Absent parts are left out. */
export interface Scope {
  readonly name: string;
  readonly version?: string;
  readonly schemaUrl?: string;
  readonly attributes?: Attributes;
}

/**
 * One attribute set within one scope. Objects are interned: a store returns the same object for the same series in
 * every snapshot, so that a renderer may cache by identity.
 */
export interface Series {
  /** Hash of scope and attributes, 16 characters of base64url (96 bits). */
  readonly id: string;
  readonly scope: Scope;
  readonly attributes: Attributes;
}

/** Series that one metric may have, where nothing else is said. */
export const DEFAULT_MAX_SERIES = 2000;

/** The attribute of the series that holds what exceeds a limit; the OpenTelemetry SDK uses the same one. */
export const OVERFLOW_ATTRIBUTE = 'otel.metric.overflow';

/** The series into which everything beyond the cap on series is summed. */
export const OVERFLOW_SERIES: Series = {
  id: 'overflow',
  scope: { name: '' },
  attributes: [[OVERFLOW_ATTRIBUTE, 'true']],
};

export function makeSeries(scope: Scope, attributes: Attributes): Series {
  return { id: digest(encodeSeries(scope, attributes), 12), scope, attributes };
}

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
