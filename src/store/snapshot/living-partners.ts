import { yieldEvery } from '../../event-loop/fair-yield.js';
import type { Family } from '../../model/family.js';
import type { ShownAs } from '../../model/shown-as.js';
import type { StoredFamily, StoredSeries } from './stored-state.js';

export interface Member {
  readonly family: Family;
  readonly stored: StoredSeries;
}

/** A series that has expired, and the living one with which it is shown. */
export interface ExpiredMember extends Member {
  readonly partner: Member;
}

/** Series whose labels are compared between two breaks of the event loop; about a millisecond when they are not known yet. */
const SERIES_PER_SLICE = 200;

/**
 * The series that have expired while another one lives that is shown with them. The sum of both is what a scrape shows: it
 * would fall if one of them left.
 */
export async function expiredMembers(
  families: readonly StoredFamily[],
  shownAs: ShownAs,
  expiredAtMs: number,
): Promise<ExpiredMember[]> {
  const additive = families.filter(({ family }) => family.aggregation === undefined);
  const expired: Member[] = [];
  for (const { family, series } of additive)
    for (const stored of series) if (stored.updatedAtMs <= expiredAtMs) expired.push({ family, stored });
  if (expired.length === 0) return [];
  const step = yieldEvery(SERIES_PER_SLICE);
  const keyOf = ({ family, stored }: Member): string =>
    `${shownAs.metric(family)} ${shownAs.labels(stored.series)}`;
  /** The youngest living member; undefined until one is found. */
  const partners = new Map<string, Member | undefined>();
  for (const member of expired) {
    partners.set(keyOf(member), undefined);
    const turn = step();
    if (turn !== undefined) await turn;
  }
  const metrics = new Set(expired.map(({ family }) => shownAs.metric(family)));
  for (const { family, series } of additive) {
    if (!metrics.has(shownAs.metric(family))) continue;
    for (const stored of series) {
      const turn = step();
      if (turn !== undefined) await turn;
      if (stored.updatedAtMs <= expiredAtMs) continue;
      const key = keyOf({ family, stored });
      const before = partners.get(key);
      if (partners.has(key) && (before === undefined || before.stored.updatedAtMs < stored.updatedAtMs))
        partners.set(key, { family, stored });
    }
  }
  return expired.flatMap((member) => {
    const partner = partners.get(keyOf(member));
    return partner === undefined ? [] : [{ ...member, partner }];
  });
}
