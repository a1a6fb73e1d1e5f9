import { MeterProvider, type MeterProviderOptions } from '@opentelemetry/sdk-metrics';

import { StoreMetricReader, type StoreMetricReaderOptions } from '../../src/reader/store-metric-reader.js';
import type { Family } from '../../src/model/family.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { textOf } from '../contract/bed.js';
import { Warnings } from '../helpers/warnings.js';
import { ScriptedStore } from './scripted-store.js';

export interface ApplicationOptions {
  readonly provider?: MeterProviderOptions;
  readonly reader?: Partial<StoreMetricReaderOptions>;
  /** As under the preload: {@link StoreMetricReader.guard}. Default false: the reader by itself. */
  readonly guarded?: boolean;
  /** Series per metric in the store. Default: more than any test has. */
  readonly storeMaxSeries?: number;
}

/** An application with the real SDK, our reader, and a store that fails when it is told to. It flushes when asked. */
export class Application {
  readonly store: ScriptedStore;
  readonly told: Warnings = new Warnings();
  readonly warnings: readonly string[] = this.told.messages;
  readonly reader: StoreMetricReader;
  readonly provider: MeterProvider;

  constructor({ provider, reader, guarded = false, storeMaxSeries }: ApplicationOptions = {}) {
    this.store = new ScriptedStore(storeMaxSeries);
    this.reader = new StoreMetricReader({
      store: this.store,
      exportIntervalMillis: 3_600_000,
      warn: this.told.warn,
      ...reader,
    });
    this.provider = new MeterProvider({ ...provider, readers: [this.reader] });
    this.reader.exporter.onFlush = ({ overflowed, dropped, cut }) => {
      this.lost.overflowed += overflowed;
      this.lost.dropped += dropped;
      this.lost.cut += cut;
    };
    if (guarded) this.reader.guard(this.provider);
  }

  /** What could not be kept since the beginning, by what became of it. */
  readonly lost: Record<'overflowed' | 'dropped' | 'cut', number> = { overflowed: 0, dropped: 0, cut: 0 };

  /** What the project shows, by metric name and labels, after a flush. */
  async values(): Promise<Record<string, Record<string, number[]>>> {
    return valuesOf(await this.reader.snapshot());
  }

  async family(name: string): Promise<Family | undefined> {
    const { families } = await this.reader.snapshot();
    return families.find(({ family }) => family.name === name)?.family;
  }
}

/** Several families of one name are told apart by their unit and type. */
export function valuesOf({ families }: Snapshot): Record<string, Record<string, number[]>> {
  const values: Record<string, Record<string, number[]>> = {};
  for (const { family, series } of families) {
    const name = family.name in values ? `${family.name} (${family.type} ${family.unit})` : family.name;
    values[name] = Object.fromEntries(series.map((one) => [textOf(one.series), Array.from(one.values)]));
  }
  return values;
}
