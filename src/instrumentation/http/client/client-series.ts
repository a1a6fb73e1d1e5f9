import { type Attributes, ValueType } from '@opentelemetry/api';

import { labelled } from '../../../model/labelled-options.js';
import { HTTP_DURATION_BOUNDARIES } from '../../meter/boundaries.js';
import type { BindableHistogram, BoundHistogram, BoundMeter } from '../../meter/bound-meter.js';
import { type Label, LabelList, LearnedLabel, listedLabel } from '../../meter/label-list.js';
import { HttpMethods } from '../methods.js';

export interface ClientSeriesOptions {
  readonly instruments: BoundMeter;
  /** Seconds; default those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
  /** Default `KNOWN_METHODS`. */
  readonly knownMethods?: readonly string[] | undefined;
}

/** A finished request of a client. */
export interface ClientExchange {
  readonly method: string | undefined;
  readonly address: string;
  readonly port: number;
  readonly statusCode: number | undefined;
  readonly protocolVersion: string | undefined;
  /** `http` or `https`; undefined: the label is absent. */
  readonly scheme?: string | undefined;
}

/** Applications talk to few servers; one that crawls must not fill the memory. */
const MAX_CACHED_SERVERS = 2000;
const SCHEMES = [undefined, 'http', 'https'];
const STATUSES = Array.from({ length: 1000 }, (_, status) => (status === 0 ? undefined : status));

/** The series of `http.client.request.duration`. */
export class ClientSeries {
  readonly #duration: BindableHistogram;
  readonly #methods: HttpMethods;
  readonly #versions = new LearnedLabel('network.protocol.version', 6);
  /** Codes of errors and names of their classes. */
  readonly #failures = new LearnedLabel('error.type', 64);
  readonly #labels: LabelList<readonly [Label, Label, Label, Label, Label]>;
  /** By server, then by the code of the other labels. */
  readonly #series = new Map<string, Map<number, BoundHistogram>>();

  constructor({ instruments, boundaries = HTTP_DURATION_BOUNDARIES, knownMethods }: ClientSeriesOptions) {
    this.#methods = new HttpMethods(knownMethods);
    this.#labels = new LabelList(
      listedLabel('http.request.method', this.#methods.names),
      listedLabel('url.scheme', SCHEMES),
      this.#versions,
      this.#failures,
      listedLabel('http.response.status_code', STATUSES),
    );
    this.#duration = instruments.createHistogram(
      'http.client.request.duration',
      labelled({
        description: 'Duration of HTTP client requests.',
        unit: 's',
        valueType: ValueType.DOUBLE,
        advice: { explicitBucketBoundaries: [...boundaries] },
        labels: [...this.#labels.names, 'server.address', 'server.port'],
      }),
    );
  }

  /** @param failure the reason why there is no whole answer; undefined if there is one, or none was wanted */
  find(exchange: ClientExchange, failure: string | undefined): BoundHistogram {
    const { method, address, port, statusCode = 0, protocolVersion, scheme } = exchange;
    const code = this.#labels.code(
      this.#methods.positionOf(method),
      scheme === undefined ? 0 : scheme === 'https' ? 2 : 1,
      this.#versions.digitOf(protocolVersion),
      this.#failures.digitOf(failure),
      statusCode,
    );
    const server = `${address}:${port}`;
    let byCode = this.#series.get(server);
    if (byCode === undefined) {
      if (this.#series.size >= MAX_CACHED_SERVERS) this.#series.clear();
      byCode = new Map();
      this.#series.set(server, byCode);
    }
    let series = byCode.get(code);
    if (series === undefined) {
      series = this.#duration.bind(this.#attributesOf(code, address, port));
      byCode.set(code, series);
    }
    return series;
  }

  #attributesOf(code: number, address: string, port: number): Attributes {
    const attributes = this.#labels.attributes(code);
    attributes['server.address'] = address;
    attributes['server.port'] = port;
    const status = attributes['http.response.status_code'];
    // A client failed with every status of 400 and above, a server from 500.
    if (typeof status === 'number' && status >= 400 && status < 600)
      attributes['error.type'] ??= String(status);
    return attributes;
  }
}
