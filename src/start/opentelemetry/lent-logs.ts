/** The place of `@opentelemetry/api-logs`, the package for logs of OpenTelemetry 2. */
const KEY = Symbol.for('io.opentelemetry.js.api.logs');

/** Log records of ours, and their place in a package that tells no registration from a look. */
export class LentLogs {
  readonly #provider: object | undefined;
  #place: unknown;

  /** @param provider ours, as it has just been registered; undefined: none */
  constructor(provider: object | undefined) {
    this.#provider = provider;
    this.#place = provider === undefined ? undefined : Reflect.get(globalThis, KEY);
  }

  /** An SDK of the application is starting, and may register logs in the same moment. If it does not, the place is ours again. */
  release(): void {
    const place = this.#place;
    if (place === undefined || Reflect.get(globalThis, KEY) !== place) return;
    Reflect.deleteProperty(globalThis, KEY);
    setImmediate(() => {
      if (Reflect.get(globalThis, KEY) === undefined) Reflect.set(globalThis, KEY, place);
      else this.#place = undefined;
    });
  }

  async forceFlush(): Promise<void> {
    const provider = delegateOf(this.#provider);
    if (provider !== undefined && 'forceFlush' in provider && typeof provider.forceFlush === 'function')
      await provider.forceFlush();
  }
}

function delegateOf(provider: object | undefined): object | undefined {
  for (const name of ['getDelegate', '_getDelegate']) {
    const get: unknown = provider === undefined ? undefined : Reflect.get(provider, name);
    if (typeof get === 'function') return Reflect.apply(get, provider, []) as object;
  }
  return provider;
}
