import {
  createNoopMeter,
  type Meter,
  type MeterProvider,
  type MetricOptions,
  type Observable,
} from '@opentelemetry/api';

import type { FamilyType } from '../../src/model/family.js';
import type { LabelledOptions } from '../../src/model/labelled-options.js';

/** One instrument that the code has created. */
export interface RecordedInstrument {
  readonly name: string;
  readonly type: FamilyType;
  /** The name of its meter. */
  readonly scope: string;
  readonly options: MetricOptions & Partial<LabelledOptions>;
}

/** A MeterProvider that measures nothing and remembers each instrument that is asked of it, once. */
export class RecordingMeterProvider implements MeterProvider {
  readonly instruments: Map<string, RecordedInstrument> = new Map();

  getMeter(scope: string): Meter {
    const noop = createNoopMeter();
    const note =
      <Instrument>(type: FamilyType, create: (name: string) => Instrument) =>
      (name: string, options: MetricOptions = {}): Instrument => {
        if (!this.instruments.has(name)) this.instruments.set(name, { name, type, scope, options });
        return create(name);
      };
    return {
      createGauge: note('gauge', (name) => noop.createGauge(name)),
      createHistogram: note('histogram', (name) => noop.createHistogram(name)),
      createCounter: note('counter', (name) => noop.createCounter(name)),
      createUpDownCounter: note('updowncounter', (name) => noop.createUpDownCounter(name)),
      createObservableGauge: note('gauge', (name) => noop.createObservableGauge(name)),
      createObservableCounter: note('counter', (name) => noop.createObservableCounter(name)),
      createObservableUpDownCounter: note('updowncounter', (name) =>
        noop.createObservableUpDownCounter(name),
      ),
      addBatchObservableCallback: (_callback: unknown, _observables: Observable[]): void => undefined,
      removeBatchObservableCallback: (_callback: unknown, _observables: Observable[]): void => undefined,
    };
  }
}
