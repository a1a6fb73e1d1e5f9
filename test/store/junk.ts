/** What something else may have written in the place of a value. */
const JUNK: readonly unknown[] = [null, true, 0, -1, 1.5, 1e300, '', 'x', [], {}, [[]], [null], { a: 1 }];

export interface Mutation {
  /** `families.0.name` */
  readonly path: string;
  readonly json: string;
}

/** The JSON with junk in the place of each of its values, one after the other, and without each property. */
export function* mutations(json: string, junk: readonly unknown[] = JUNK): Generator<Mutation> {
  for (const path of pathsOf(JSON.parse(json))) {
    for (const value of junk) yield { path: path.join('.'), json: withValue(json, path, value) };
    yield { path: path.join('.'), json: withValue(json, path, undefined) };
  }
}

function pathsOf(value: unknown, before: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...before, key];
    return [path, ...pathsOf(inner, path)];
  });
}

function withValue(json: string, path: readonly string[], value: unknown): string {
  const copy: unknown = JSON.parse(json);
  let at = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  if (value !== undefined) at[last] = value;
  else if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
  return JSON.stringify(copy);
}
