import type { Attributes } from '../../model/series.js';

/**
 * Resource attributes that, by the semantic conventions, describe one process. They would be the project's for as long as one
 * process runs, and vanish when a second one starts.
 */
const OF_ONE_PROCESS = /^(?:service\.instance\.id$|process\.(?!runtime\.))/;

/** What the resources of all live instances have in common. */
export function projectResource([first = [], ...others]: readonly Attributes[]): Attributes {
  const maps = others.map((resource) => new Map(resource));
  return first.filter(
    ([key, value]) => !OF_ONE_PROCESS.test(key) && maps.every((map) => map.get(key) === value),
  );
}
