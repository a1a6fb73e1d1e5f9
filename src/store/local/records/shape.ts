import { isObject } from '../../state/stored-shapes.js';

/** Whether a value that was read from a file has a shape. */
export type Check = (value: unknown) => boolean;

export const isText: Check = (value) => typeof value === 'string';
export const isNumber: Check = (value) => Number.isFinite(value);
export const isPositive: Check = (value) => Number.isFinite(value) && Number(value) >= 0;
export const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
/** See `JsonNumber`. */
export const isValue: Check = (value) =>
  typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity';
export const isTrueOrFalse: Check = (value) => typeof value === 'boolean';
export const isBoot: Check = (value) =>
  isObject(value) && isText(value['boot']) && isNumber(value['bootAtMs']);
export const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
/** A list that begins with something of one shape, and goes on with a rest that is checked as a whole. */
export const listWith =
  (first: Check, rest: (items: readonly unknown[]) => boolean): Check =>
  (value) =>
    Array.isArray(value) && first(value[0]) && rest(value.slice(1));

/** The name of the first field that is not of its shape; undefined if all are. */
export function misshapen(
  fields: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
): string | undefined {
  for (const [name, check] of Object.entries(checks)) if (!check(fields[name])) return name;
  return undefined;
}
