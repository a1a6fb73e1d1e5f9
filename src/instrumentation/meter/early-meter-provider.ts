import type {
  BatchObservableCallback,
  Meter,
  MeterOptions,
  MeterProvider,
  Observable,
  ObservableCallback,
} from '@opentelemetry/api';

/**
 * Gives instruments before there is an SDK, and costs no loading of one. When `delegate` names the provider that the SDK has
 * made, all of them go on there, and so do their callbacks. The first measurement calls `recorded`, which may do that at
 * once; one that is made while there is no SDK is dropped.
 */
export class EarlyMeterProvider implements MeterProvider {
  readonly #recorded: () => void;
  readonly #waiting: Array<(provider: MeterProvider) => void> = [];
  #provider: MeterProvider | undefined;

  constructor(recorded: () => void) {
    this.#recorded = recorded;
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    if (this.#provider !== undefined) return this.#provider.getMeter(name, version, options);
    const meter = new EarlyMeter(this.#recorded);
    this.#waiting.push((provider) => meter.delegate(provider.getMeter(name, version, options)));
    return meter;
  }

  /** Hands everything over, once. */
  delegate(provider: MeterProvider): void {
    this.#provider = provider;
    for (const handOver of this.#waiting.splice(0)) handOver(provider);
  }
}

class EarlyMeter implements Meter {
  readonly #recorded: () => void;
  readonly #waiting: Array<(meter: Meter) => void> = [];
  readonly #reals = new WeakMap<Observable, Observable>();
  readonly #batches = new Map<BatchObservableCallback, BatchObservableCallback>();
  #meter: Meter | undefined;

  constructor(recorded: () => void) {
    this.#recorded = recorded;
  }

  readonly createCounter: Meter['createCounter'] = (...given) =>
    this.#adder((meter) => meter.createCounter(...given));

  readonly createUpDownCounter: Meter['createUpDownCounter'] = (...given) =>
    this.#adder((meter) => meter.createUpDownCounter(...given));

  readonly createHistogram: Meter['createHistogram'] = (...given) =>
    this.#recorder((meter) => meter.createHistogram(...given));

  readonly createGauge: Meter['createGauge'] = (...given) =>
    this.#recorder((meter) => meter.createGauge(...given));

  readonly createObservableCounter: Meter['createObservableCounter'] = (...given) =>
    this.#observable((meter) => meter.createObservableCounter(...given));

  readonly createObservableUpDownCounter: Meter['createObservableUpDownCounter'] = (...given) =>
    this.#observable((meter) => meter.createObservableUpDownCounter(...given));

  readonly createObservableGauge: Meter['createObservableGauge'] = (...given) =>
    this.#observable((meter) => meter.createObservableGauge(...given));

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    // What the application is given to observe with are our instruments.
    const translated: BatchObservableCallback = (result) =>
      callback({
        observe: (metric, value, attributes) => result.observe(this.#realOf(metric), value, attributes),
      });
    this.#batches.set(callback, translated);
    this.#whenReal((meter) => {
      if (this.#batches.get(callback) === translated)
        meter.addBatchObservableCallback(
          translated,
          observables.map((each) => this.#realOf(each)),
        );
    });
  }

  removeBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    const translated = this.#batches.get(callback);
    if (translated === undefined) return;
    this.#batches.delete(callback);
    this.#meter?.removeBatchObservableCallback(
      translated,
      observables.map((each) => this.#realOf(each)),
    );
  }

  delegate(meter: Meter): void {
    this.#meter = meter;
    for (const handOver of this.#waiting.splice(0)) handOver(meter);
  }

  #adder<Instrument extends { add: (...given: never[]) => void }>(
    create: (meter: Meter) => Instrument,
  ): Instrument {
    const real = this.#real(create);
    return { add: (...given: never[]) => real()?.add(...given) } as unknown as Instrument;
  }

  #recorder<Instrument extends { record: (...given: never[]) => void }>(
    create: (meter: Meter) => Instrument,
  ): Instrument {
    const real = this.#real(create);
    return { record: (...given: never[]) => real()?.record(...given) } as unknown as Instrument;
  }

  /** Answers the SDK's instrument, and tells of the first measurement while there is none. */
  #real<Instrument>(create: (meter: Meter) => Instrument): () => Instrument | undefined {
    let real: Instrument | undefined;
    this.#whenReal((meter) => (real = create(meter)));
    return () => {
      if (real === undefined) this.#recorded();
      return real;
    };
  }

  #observable(create: (meter: Meter) => Observable): Observable {
    const callbacks = new Set<ObservableCallback>();
    let real: Observable | undefined;
    const observable: Observable = {
      addCallback(callback) {
        callbacks.add(callback);
        real?.addCallback(callback);
      },
      removeCallback(callback) {
        callbacks.delete(callback);
        real?.removeCallback(callback);
      },
    };
    this.#whenReal((meter) => {
      real = create(meter);
      this.#reals.set(observable, real);
      for (const callback of callbacks) real.addCallback(callback);
    });
    return observable;
  }

  #realOf(observable: Observable): Observable {
    return this.#reals.get(observable) ?? observable;
  }

  #whenReal(handOver: (meter: Meter) => void): void {
    if (this.#meter === undefined) this.#waiting.push(handOver);
    else handOver(this.#meter);
  }
}
