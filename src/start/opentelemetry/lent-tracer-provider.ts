import { ProxyTracerProvider, type Tracer, type TracerProvider } from '@opentelemetry/api';

/** Without a delegate it makes spans that record nothing. */
const NONE: TracerProvider = new ProxyTracerProvider();

/**
 * The TracerProvider that the application finds until it has one of its own. Its tracers then use the application's, those
 * that were made before as well.
 */
export class LentTracerProvider implements TracerProvider {
  readonly own: TracerProvider;
  #current: TracerProvider;

  constructor(own: TracerProvider) {
    this.own = own;
    this.#current = own;
  }

  /** @param theirs what the application has registered: often the API's own proxy, which gets its delegate a moment later */
  handOver(theirs: unknown): void {
    this.#current = isTracerProvider(theirs) ? theirs : NONE;
  }

  getTracer(...scope: Parameters<TracerProvider['getTracer']>): Tracer {
    return new LentTracer(() => this.#target().getTracer(...scope));
  }

  async forceFlush(): Promise<void> {
    const { own } = this;
    if ('forceFlush' in own && typeof own.forceFlush === 'function') await own.forceFlush();
  }

  /** A proxy that still leads here would lead in a circle. */
  #target(): TracerProvider {
    const current = this.#current;
    return current instanceof LentTracerProvider || delegateOf(current) === this ? NONE : current;
  }
}

class LentTracer implements Tracer {
  readonly #tracer: () => Tracer;

  constructor(tracer: () => Tracer) {
    this.#tracer = tracer;
  }

  startSpan(...args: Parameters<Tracer['startSpan']>): ReturnType<Tracer['startSpan']> {
    return this.#tracer().startSpan(...args);
  }

  startActiveSpan(...args: unknown[]): never {
    const tracer = this.#tracer();
    const start: unknown = Reflect.get(tracer, 'startActiveSpan');
    return Reflect.apply(start as (...args: unknown[]) => never, tracer, args);
  }
}

function delegateOf(provider: object): unknown {
  return 'getDelegate' in provider && typeof provider.getDelegate === 'function'
    ? provider.getDelegate()
    : undefined;
}

function isTracerProvider(value: unknown): value is TracerProvider {
  return typeof value === 'object' && value !== null && 'getTracer' in value;
}
