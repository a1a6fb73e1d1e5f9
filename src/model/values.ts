import { rebucket } from './boundaries.js';
import {
  EXPONENTIAL_HEADER,
  mergeExponential,
  packExponential,
  unpackExponential,
} from './exponential-histogram.js';
import type { Family } from './family.js';
import { classicToExponential, exponentialToClassic } from './histogram-conversion.js';

/** Scales that real numbers have: a double needs no finer one than 20, and fits into one bucket at -11. */
const MAX_SCALE = 64;

/** Whether numbers that something else may have written are in this layout, so that the arithmetic on them ends. */
function isExponential(values: readonly number[]): boolean {
  const [scale = NaN, threshold = NaN, , , first = NaN, positive = NaN, second = NaN] = values;
  const counts = values.length - EXPONENTIAL_HEADER;
  return (
    [scale, first, second].every(Number.isSafeInteger) &&
    Math.abs(scale) <= MAX_SCALE &&
    threshold >= 0 &&
    threshold < Infinity &&
    Number.isInteger(positive) &&
    positive >= 0 &&
    positive <= counts &&
    values.every((value, index) => Number.isInteger(value) || index === 1 || index === 3)
  );
}

/** Whether numbers that something else may have written can be the values of a series of this family. */
export function areValuesOf(family: Family, values: readonly number[]): boolean {
  const { type, boundaries = [] } = family;
  if (type === 'exponentialhistogram') return isExponential(values);
  if (type !== 'histogram') return values.length === 1;
  return (
    values.length === boundaries.length + 2 &&
    values.every((value, index) => index === 0 || Number.isInteger(value))
  );
}

/** The sum of two values of one series of an additive family; neither is changed. */
export function addValues(family: Family, a: readonly number[], b: readonly number[]): number[] {
  if (family.type === 'exponentialhistogram') return mergeExponential(a, b);
  return a.map((value, index) => value + (b[index] ?? 0));
}

/** The values that add up to nothing with the given ones. */
export function negateValues(family: Family, values: readonly number[]): number[] {
  if (family.type !== 'exponentialhistogram') return values.map((value) => -value);
  return values.map((value, index) => (isCountOrSum(index) ? -value : value));
}

/** True if nothing was added so far, or as much was taken away again. */
export function isNothing(family: Family, values: readonly number[]): boolean {
  if (family.type !== 'exponentialhistogram') return values.every((value) => value === 0);
  return values.every((value, index) => !isCountOrSum(index) || value === 0);
}

/**
 * Values of one additive family in the layout of another one that is shown under the same name. The number of observations
 * and their sum stay; each observation counts where it is known to be at the most.
 *
 * @param like values of the other family, for their scale
 */
export function convertValues(
  values: readonly number[],
  from: Family,
  to: Family,
  like: readonly number[],
): number[] {
  const { boundaries = [] } = to;
  if (from.type === 'counter' || (from.type === to.type && to.type !== 'histogram')) return [...values];
  if (from.type === 'exponentialhistogram')
    return exponentialToClassic(unpackExponential(values), boundaries);
  if (to.type === 'exponentialhistogram')
    return packExponential(classicToExponential(values, from.boundaries ?? [], like[0] ?? 0));
  return Array.from(rebucket(values, from.boundaries ?? [], boundaries));
}

/** In the layout of exponential histograms: not the scale, the threshold, the offsets and the numbers of buckets. */
function isCountOrSum(index: number): boolean {
  return index === 2 || index === 3 || index >= EXPONENTIAL_HEADER;
}
