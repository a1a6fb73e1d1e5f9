import { callerApiVersion } from './caller-api-version.js';

const KEY = Symbol.for('opentelemetry.js.api.1');

/** Behind `KEY`, for all copies of the API: its version, and what is registered, by the name of its place. */
type Registered = Record<string, unknown>;

/** What is no place: the API lets a later logger replace an earlier one. */
const NO_PLACES: ReadonlySet<string> = new Set(['version', 'diag']);

/**
 * The places of the OpenTelemetry API: one MeterProvider, one TracerProvider and so on for a whole process. The API refuses
 * whatever comes second, and most of what is refused goes silent without a word. A preload always comes first. So it must not
 * take a place, only keep it until the application asks for it, with whatever SDK and whatever copy of the API.
 *
 * All copies of the API share one object, behind one property of `globalThis`, and have used it in the same way since 1.0. To
 * look something up, a copy reads the property and then the place. To register something, it reads the property, writes it
 * back, and reads the place to see whether it is free. So the write announces that the next look at a place is that of a
 * registration, and for this look the places that are only kept are free.
 */
export class ApiPlaces {
  readonly #taken: (place: string, instance: unknown) => void;
  readonly #kept = new Set<string>();
  #api: Registered | undefined;
  #keeping = false;
  #registering = false;

  /** @param taken is called when the application has got a place that was kept; must not throw */
  constructor(taken: (place: string, instance: unknown) => void) {
    this.#taken = taken;
  }

  /** Whether something is registered there that is not ours. */
  isTaken(place: string): boolean {
    return !this.#kept.has(place) && registered()?.[place] !== undefined;
  }

  /** Keeps the places that `register` takes by the API; those that are taken already stay as they are. */
  keep(register: () => void): void {
    const before = registered();
    const known = new Set(Object.keys(before ?? {}));
    this.#keeping = true;
    try {
      register();
    } finally {
      this.#keeping = false;
    }
    const api = this.#api ?? this.#watch(before);
    for (const place of Object.keys(api ?? {})) {
      if (!known.has(place) && !NO_PLACES.has(place)) this.#lend(place);
    }
  }

  /** Gives up what is still kept. */
  leave(): void {
    for (const place of this.#kept) Reflect.deleteProperty(this.#api ?? {}, place);
    this.#kept.clear();
    this.#unwatch();
  }

  /**
   * The property moves from `globalThis` to its prototype: there V8 reads an accessor almost as fast as a value, and the API
   * reads it for every span and every record.
   */
  #watch(before: Registered | undefined): Registered | undefined {
    const found = registered();
    if (found === undefined) return undefined;
    const api = before ?? this.#withVersionOfCaller(found);
    try {
      Object.defineProperty(Object.getPrototypeOf(globalThis), KEY, {
        configurable: true,
        get: () => {
          this.#registering = false;
          return api;
        },
        set: (value) => {
          this.#written(value);
        },
      });
    } catch {
      // A frozen prototype: what is registered stays so, as in any other application.
      return undefined;
    }
    Reflect.deleteProperty(globalThis, KEY);
    this.#api = api;
    return api;
  }

  #written(value: unknown): void {
    if (value === this.#api) {
      this.#registering = true;
      return;
    }
    // Something begins anew, a test for example.
    this.#kept.clear();
    this.#api = undefined;
    stopWatching(value);
  }

  /**
   * The first copy that registers fixes the version for all others, and the API accepts no other one. We have registered, but
   * must not count as the first.
   */
  #withVersionOfCaller(found: Registered): Registered {
    const api = { ...found };
    const { version } = found;
    const get = (): unknown => {
      if (!this.#registering || this.#keeping) return version;
      const first = callerApiVersion(get);
      if (first === undefined) return version;
      Object.defineProperty(api, 'version', { value: first, enumerable: true, configurable: true });
      return first;
    };
    return Object.defineProperty(api, 'version', { configurable: true, enumerable: true, get });
  }

  #lend(place: string): void {
    const api = this.#api;
    if (api === undefined) return;
    const instance = api[place];
    this.#kept.add(place);
    Object.defineProperty(api, place, {
      configurable: true,
      enumerable: true,
      get: () => (this.#registering ? undefined : instance),
      set: (theirs: unknown) => {
        Object.defineProperty(api, place, {
          configurable: true,
          enumerable: true,
          writable: true,
          value: theirs,
        });
        this.#kept.delete(place);
        if (this.#kept.size === 0) this.#unwatch();
        this.#taken(place, theirs);
      },
    });
  }

  #unwatch(): void {
    const api = this.#api;
    if (api === undefined) return;
    this.#api = undefined;
    const { version } = api;
    if (Object.getOwnPropertyDescriptor(api, 'version')?.get !== undefined)
      Object.defineProperty(api, 'version', { value: version, enumerable: true, configurable: true });
    stopWatching(Object.keys(api).every((key) => NO_PLACES.has(key)) ? undefined : api);
  }
}

function registered(): Registered | undefined {
  return Reflect.get(globalThis, KEY) as Registered | undefined;
}

/** `api` is an ordinary value from now on, or there is none. */
function stopWatching(api: unknown): void {
  Reflect.deleteProperty(Object.getPrototypeOf(globalThis) as object, KEY);
  if (api !== undefined) Reflect.set(globalThis, KEY, api);
}
