import { reason } from '../errors.js';
import type { Attributes } from '../model/series.js';
import type { Family } from '../model/family.js';
import type { Snapshot } from '../model/snapshot.js';
import { type Block, planBlocks } from './families/metric-family.js';
import { ByteWriter } from './formats/byte-writer.js';
import type { EscapingScheme } from './naming/escaping.js';
import type { Format } from './formats/format.js';
import { LabelCache } from './naming/label-cache.js';
import { attributeLabels } from './naming/labels.js';
import {
  type MetricName,
  type Naming,
  type TranslationStrategy,
  labelNamer,
  metricName,
} from './naming/names.js';
import { type Negotiated, negotiate } from './negotiate.js';
import { OPENMETRICS } from './formats/openmetrics.js';
import { type BlockPoints, collectPoints } from './families/metric-points.js';
import type * as Protobuf from './formats/protobuf.js';
import { TEXT } from './formats/text.js';
import { Turnstile } from '../event-loop/fair-yield.js';

export interface ExpositionOptions {
  /** How names are made; default of the specification: `UnderscoreEscapingWithSuffixes`. */
  readonly translationStrategy: TranslationStrategy;
  /** `otel_scope_*` labels on every point. */
  readonly scopeInfo: boolean;
  /** The metric `target_info` from the resource. */
  readonly targetInfo: boolean;
  /** Which resource attributes become labels of every point. */
  readonly resourceLabels: (key: string) => boolean;
  /** Told once per conflict, in plain words. */
  readonly warn: (message: string) => void;
}

export interface Rendered {
  /** The value of the Content-Type header; depends on `Accept` alone. */
  readonly contentType: string;
  /**
   * The body in pieces of about 64 KiB. Between two pieces the event loop gets its turn. Can be iterated once; iterating is
   * what renders, so a client that went away costs nothing more.
   */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * Whether the bytes of a piece stay what they are, or only until the next piece is asked for. In 33 MB of buffers that are
 * used once, V8 finds a reason to collect garbage five times, for up to 16 ms each.
 */
export type PieceLife = 'kept' | 'recycled';

/** About 1 ms. */
const POINTS_PER_BREATH = 200;

/** Conflicts are reported once each, and not more of them than someone reads. */
const MAX_REPORTS = 100;

/** What all scrapes with the same names and the same encoding of labels share, and keep for the next. */
interface Mode {
  readonly naming: Naming;
  readonly names: WeakMap<Family, MetricName | { readonly name: undefined }>;
  readonly labels: LabelCache;
  /** The resource labels that are part of the cached labels. */
  readonly resource: string;
}

/**
 * Renders snapshots. One per process: it keeps the rendered labels of every series by the identity of the store's
 * objects, and remembers which conflicts were reported.
 */
export class Exposition {
  readonly #options: ExpositionOptions;
  readonly #modes = new Map<string, Mode>();
  readonly #turnstile = new Turnstile();
  readonly #reported = new Set<string>();

  constructor(options: ExpositionOptions) {
    this.#options = options;
  }

  /** `accept` is the request's header; several are joined with a comma. */
  render(snapshot: Snapshot, accept: string | undefined, pieces: PieceLife = 'kept'): Rendered {
    const { format: name, escaping, contentType } = negotiate(accept);
    const format = formatOf(name);
    const mode = this.#mode(format, escaping, snapshot.resource);
    return { contentType, body: this.#body(snapshot, format, mode, pieces) };
  }

  async *#body(
    snapshot: Snapshot,
    format: Format,
    mode: Mode,
    life: PieceLife,
  ): AsyncGenerator<Buffer, void, undefined> {
    const writer = new ByteWriter();
    let first = true;
    try {
      for (const pieces of this.#write(writer, snapshot, format, mode)) {
        if (!first) await this.#turnstile.pass();
        first = false;
        for (const piece of pieces) {
          yield piece;
          if (life === 'recycled') writer.recycle(piece);
        }
      }
    } catch (error) {
      // The scraper only sees that the connection breaks.
      this.#report(`render ${reason(error)}`, `A scrape broke off: ${reason(error)}.`);
      throw error;
    }
  }

  /** Yields what is complete, perhaps nothing, whenever others should have their turn. */
  *#write(
    writer: ByteWriter,
    snapshot: Snapshot,
    format: Format,
    mode: Mode,
  ): Generator<Buffer[], void, undefined> {
    const { labels } = mode;
    let visited = 0;
    for (const block of this.#plan(snapshot, format, mode)) {
      const { boundaries, points } =
        block.families.length === 0
          ? infoPoints(snapshot.resource, labels)
          : yield* breathe(collectPoints(block, labels, format.nativeHistograms));
      const lines = format.begin(writer, block, boundaries);
      for (const point of points) {
        lines.point(point);
        visited += 1;
        // Protobuf writes nothing before a family is complete, and still must give way.
        if (writer.hasPieces || visited % POINTS_PER_BREATH === 0) yield writer.take();
      }
      lines.end();
    }
    format.end(writer);
    yield writer.takeAll();
  }

  #plan(snapshot: Snapshot, format: Format, { naming, names }: Mode): Block[] {
    return planBlocks(snapshot, {
      dialect: format.dialect,
      targetInfo: this.#options.targetInfo,
      nameOf: (family) => {
        let name = names.get(family);
        if (name === undefined) {
          name = metricName(family, naming) ?? { name: undefined };
          names.set(family, name);
        }
        return name.name === undefined ? undefined : name;
      },
      report: (key, message) => this.#report(key, message),
    });
  }

  #report(key: string, message: string): void {
    if (this.#reported.has(key) || this.#reported.size >= MAX_REPORTS) return;
    this.#reported.add(key);
    this.#options.warn(message);
  }

  #mode(format: Format, escaping: EscapingScheme, resource: Attributes): Mode {
    const { translationStrategy, scopeInfo, resourceLabels } = this.#options;
    const copied = resource.filter(([key]) => resourceLabels(key));
    const signature = JSON.stringify(copied);
    const key = `${format.labelEncoding} ${escaping}`;
    const known = this.#modes.get(key);
    if (known?.resource === signature) return known;
    const naming: Naming = { strategy: translationStrategy, escaping };
    const rules = { nameOf: labelNamer(naming), scopeInfo, resource: copied };
    const labels = new LabelCache(rules, (all) => format.encodeLabels(all));
    const mode: Mode = { naming, names: new WeakMap(), labels, resource: signature };
    this.#modes.set(key, mode);
    return mode;
  }
}

function formatOf(name: Negotiated['format']): Format {
  if (name === 'text') return TEXT;
  if (name === 'openmetrics') return OPENMETRICS;
  // Most processes never load it: only a Prometheus that wants native histograms asks.
  const { PROTOBUF } = require('./formats/protobuf.js') as typeof Protobuf;
  return PROTOBUF;
}

function infoPoints(resource: Attributes, labels: LabelCache): BlockPoints {
  const encoded = labels.encode(attributeLabels(resource, labels.rules.nameOf));
  return { boundaries: [], points: [{ labels: encoded, startMs: 0, values: [1] }] };
}

function* breathe<Result>(work: Generator<undefined, Result>): Generator<Buffer[], Result, undefined> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield [];
  }
}

/** The whole body at once, for frameworks that answer with one buffer. */
export async function collectBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
