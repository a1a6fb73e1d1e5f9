import { mayCombine } from '../../model/family.js';

/** Why a value cannot be recorded; undefined if it can. */
export type Acceptance = (value: number) => string | undefined;

/** For what is added up. @param what `a counter` */
export function addableTo(what: string): Acceptance {
  return (value) => (Number.isFinite(value) ? undefined : `${String(value)} cannot be added to ${what}`);
}

/** For observable counters. The SDK would take a negative value for zero, and the next one for a rise by all of it. */
export const observableCounter: Acceptance = (value) =>
  Number.isFinite(value) && value >= 0 ? undefined : `${String(value)} cannot be added to a counter`;

/** For gauges. @param aggregation how those of several processes become one answer */
export function combinableBy(aggregation: string): Acceptance {
  return (value) =>
    mayCombine(aggregation, value)
      ? undefined
      : `${String(value)} has no place in the ${aggregation} over processes`;
}
