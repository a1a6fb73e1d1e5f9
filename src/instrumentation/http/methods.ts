/** The methods that the semantic conventions know. */
export const KNOWN_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
];

/** The methods that become label values. Every other one is `_OTHER`, so that clients cannot create series. */
export class HttpMethods {
  /** `_OTHER` is the first. */
  readonly names: readonly string[];
  readonly #positions: ReadonlyMap<string, number>;
  readonly #get: number;

  constructor(known: readonly string[] = KNOWN_METHODS) {
    this.names = ['_OTHER', ...known];
    this.#positions = new Map(this.names.map((name, position) => [name, position]));
    this.#get = this.#positions.get('GET') ?? 0;
  }

  /** The position in {@link names}. Clients may send any case; a missing method means GET. */
  positionOf(method: string | undefined): number {
    if (method === undefined) return this.#get;
    return this.#positions.get(method) ?? this.#positions.get(method.toUpperCase()) ?? 0;
  }
}
