import { mergeExponential } from './exponential-histogram.js';
import type { Family } from './family.js';

/** The sum of two values of one series of an additive family; neither is changed. */
export function addValues(family: Family, a: readonly number[], b: readonly number[]): number[] {
  if (family.type === 'exponentialhistogram') return mergeExponential(a, b);
  return a.map((value, index) => value + (b[index] ?? 0));
}
