import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Seconds. */
export interface DelayStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** A part of the window: nanoseconds between two samples, the sampling interval included. */
interface Slot {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  /** The distribution, ascending. */
  readonly shares: readonly Share[];
}

interface Share {
  readonly value: number;
  /** The number of samples that this value stands for: those up to it, and above the share before. */
  readonly samples: number;
}

/** Milliseconds that a part of the window lasts at least. It ends with a reading. */
const SLOT_MS = 10_000;

/** The distribution of a part is read at these percentiles, which are those that are shown and enough between them. */
const PERCENTS: readonly number[] = [
  10, 20, 30, 40, 50, 60, 70, 80, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
];

/**
 * The delay of the event loop over the last `windowMs` and up to one reading more. Readings end nobody's window: a stall is
 * in everything that is read within `windowMs` of it, by however many readers. An event loop with nothing to do has a delay
 * of about 0: the interval at which Node samples is taken off.
 */
export class DelayWindow {
  readonly #windowMs: number;
  readonly #intervalNs: number;
  readonly #open: IntervalHistogram;
  readonly #now: () => number;
  #openedMark: number;
  #closed: Array<{ readonly endMark: number; readonly slot: Slot }> = [];

  /**
   * @param intervalMs between two samples
   * @param now milliseconds of a clock that nobody sets
   */
  constructor(windowMs: number, intervalMs: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
    this.#openedMark = now();
    this.#intervalNs = intervalMs * 1e6;
    this.#open = monitorEventLoopDelay({ resolution: intervalMs });
    this.#open.enable();
  }

  /** Undefined before the first sample. */
  read(): DelayStatistics | undefined {
    const mark = this.#now();
    this.#closed = this.#closed.filter(({ endMark }) => endMark > mark - this.#windowMs);
    const slots = this.#closed.map(({ slot }) => slot);
    if (this.#open.count > 0) {
      const slot = slotOf(this.#open);
      slots.push(slot);
      if (mark - this.#openedMark >= SLOT_MS) {
        this.#closed.push({ endMark: mark, slot });
        this.#open.reset();
        this.#openedMark = mark;
      }
    }
    return slots.length === 0 ? undefined : this.#statistics(slots);
  }

  stop(): void {
    this.#open.disable();
  }

  #statistics(slots: readonly Slot[]): DelayStatistics {
    const samples = sum(slots, ({ count }) => count);
    const mean = sum(slots, (slot) => slot.count * slot.mean) / samples;
    const squares = sum(slots, (slot) => slot.count * (slot.stddev ** 2 + slot.mean ** 2)) / samples;
    const shares = slots.flatMap((slot) => slot.shares).sort((a, b) => a.value - b.value);
    return {
      min: this.#seconds(Math.min(...slots.map(({ min }) => min))),
      max: this.#seconds(Math.max(...slots.map(({ max }) => max))),
      mean: this.#seconds(mean),
      stddev: Math.sqrt(Math.max(0, squares - mean ** 2)) / 1e9,
      p50: this.#seconds(percentile(shares, samples, 50)),
      p90: this.#seconds(percentile(shares, samples, 90)),
      p99: this.#seconds(percentile(shares, samples, 99)),
    };
  }

  #seconds(nanoseconds: number): number {
    return Math.max(0, nanoseconds - this.#intervalNs) / 1e9;
  }
}

function slotOf(histogram: IntervalHistogram): Slot {
  const { count, min, max, mean, stddev } = histogram;
  const shares = PERCENTS.map((percent, index) => ({
    value: histogram.percentile(percent),
    samples: (count * (percent - (PERCENTS[index - 1] ?? 0))) / 100,
  }));
  return { count, min, max, mean, stddev, shares };
}

function percentile(ascending: readonly Share[], all: number, percent: number): number {
  // Sums of fractions differ a little with their order.
  const wanted = (all * percent) / 100 - 1e-6;
  let passed = 0;
  for (const { value, samples } of ascending) {
    passed += samples;
    if (passed >= wanted) return value;
  }
  return 0;
}

function sum(slots: readonly Slot[], of: (slot: Slot) => number): number {
  return slots.reduce((total, slot) => total + of(slot), 0);
}
