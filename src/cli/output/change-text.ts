import { distributionOf } from '../../model/distribution.js';
import type { Family } from '../../model/family.js';
import type { SeriesChange } from '../../live/snapshot-changes.js';

/** The values of one series in a word: the number, or of a histogram the number of observations. */
export function valueText(family: Family, values: readonly number[] | undefined): string {
  if (values === undefined) return '-';
  return isHistogram(family) ? numberText(distributionOf(family, values).count) : numberText(values[0] ?? 0);
}

/** What changed: the difference; of a histogram also the mean of what was added. */
export function changeText(family: Family, { status, difference }: SeriesChange): string {
  if (status === 'gone') return 'gone';
  const note = status === 'restarted' ? ' since it began again' : '';
  if (!isHistogram(family)) return `${signed(difference[0] ?? 0)}${note}`;
  const { count, sum } = distributionOf(family, difference);
  const mean =
    count > 0 ? `, mean ${numberText(sum / count)}${family.unit === '' ? '' : ` ${family.unit}`}` : '';
  return `${signed(count)}${mean}${note}`;
}

/** At most six digits that matter; whole numbers as they are. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function signed(value: number): string {
  return value > 0 ? `+${numberText(value)}` : numberText(value);
}

function isHistogram({ type }: Family): boolean {
  return type === 'histogram' || type === 'exponentialhistogram';
}
