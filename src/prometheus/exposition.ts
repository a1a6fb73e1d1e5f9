import { reason } from '../errors.js';
import type { Attributes } from '../model/series.js';
import type { Family } from '../model/family.js';
import type { Snapshot } from '../model/snapshot.js';
import { type MetricFamily, groupFamilies } from './families/metric-family.js';
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
import { OPENMETRICS, OPENMETRICS_WITHOUT_CREATED } from './formats/openmetrics.js';
import { InstanceInfo, projectAttributes } from './families/resource-info.js';
import { type CollectedPoints, SERIES_PER_SLICE, collectPoints } from './families/metric-points.js';
import type * as Protobuf from './formats/protobuf.js';
import { TEXT } from './formats/text.js';
import { yieldEvery, yieldToEventLoop } from '../event-loop/fair-yield.js';
import { type Warn, warning } from '../warnings.js';

/** How snapshots become names, labels and metrics; docs/exposition.md has the rules. */
export interface ExpositionOptions {
  /** How names are made; default of the specification: `UnderscoreEscapingWithSuffixes`. */
  readonly translationStrategy: TranslationStrategy;
  /** `otel_scope_*` labels on every point. */
  readonly scopeInfo: boolean;
  /** `target_info`, from the resource of the project, and `orchestrator_instance_info`, from those of its processes. */
  readonly targetInfo: boolean;
  /** The lines `_created` of OpenMetrics, one for each counter and histogram. Protobuf has the time in each case. */
  readonly createdSeries: boolean;
  /**
   * Which of the attributes that all live instances share become labels of every point. They change when an instance with
   * others starts; the option of {@link StoreMetricReader} gives each instance's own to what it counts. Default: none.
   */
  readonly resourceLabels: (key: string) => boolean;
  /** Called once for each conflict, at most 100 times, with a sentence for a person. */
  readonly warn: Warn;
}

/** Those of the settings. */
const DEFAULTS: ExpositionOptions = {
  translationStrategy: 'UnderscoreEscapingWithSuffixes',
  scopeInfo: true,
  targetInfo: true,
  createdSeries: true,
  resourceLabels: () => false,
  warn: () => undefined,
};

/** The answer to one scrape. */
export interface Rendered {
  /** The value of the Content-Type header; depends on `Accept` alone. */
  readonly contentType: string;
  /**
   * The body in pieces of about 64 KiB. Between two pieces the event loop runs. Can be iterated once. Iterating renders, so a
   * client that went away costs nothing more. Throws if a value cannot be written.
   */
  readonly body: AsyncIterable<Buffer>;
}

/** A metric of a scrape, for a reader that shows it in another way than as text. */
export interface ReadableMetric extends MetricFamily {
  readonly points: () => Promise<CollectedPoints>;
}

/**
 * `kept`: the bytes of a piece never change. `recycled`: they are valid until the next piece is asked for. Allocating 33 MB
 * of buffers that are used once makes V8 collect garbage five times, for up to 16 ms each.
 */
export type PieceLife = 'kept' | 'recycled';

/** About 1 ms. Protobuf writes nothing before a family is complete, and still must yield. */
const POINTS_PER_SLICE = 200;

/** Each conflict is reported once, and no more of them than a person reads. */
const MAX_REPORTS = 100;

/** Names and labels of all scrapes with the same escaping and the same encoding of labels, kept for the next scrape. */
interface Mode {
  readonly naming: Naming;
  readonly names: WeakMap<Family, MetricName | { readonly name: undefined }>;
  readonly labels: LabelCache;
  /** The resource labels that are part of the cached labels. */
  readonly resource: string;
}

/**
 * Renders snapshots in the format that a scraper asks for: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 1.0.0 and 0.0.1,
 * protobuf. One per process: it keeps the rendered labels of every series by the identity of the store's objects, and
 * remembers which conflicts were reported.
 *
 * Source: OpenTelemetry specification 1.60, "Prometheus and OpenMetrics compatibility" and "Metrics exporter: Prometheus".
 *
 * @example
 * ```ts
 * const { contentType, body } = exposition.render(await store.snapshot(), request.headers.accept);
 * response.setHeader('Content-Type', contentType);
 * for await (const piece of body) response.write(piece);
 * ```
 */
export class Exposition {
  readonly #options: ExpositionOptions;
  readonly #modes = new Map<string, Mode>();
  readonly #reported = new Set<string>();
  readonly #instanceInfo = new InstanceInfo();

  constructor(options: Partial<ExpositionOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /**
   * Never throws: the format depends on `accept` alone, and an unreadable header gets text 0.0.4.
   *
   * @param accept the Accept header of the request; several are joined with a comma
   * @param pieces whether the caller keeps the buffers of the body; default `kept`
   */
  render(snapshot: Snapshot, accept: string | undefined, pieces: PieceLife = 'kept'): Rendered {
    const { format: name, escaping, contentType } = negotiate(accept);
    const format = formatOf(name, this.#options.createdSeries);
    const mode = this.#mode(format, escaping, snapshot.resource);
    const ofProject = { ...snapshot, resource: projectAttributes(snapshot.resource) };
    return { contentType, body: this.#body(ofProject, format, mode, pieces) };
  }

  /** What a scrape in text 0.0.4 would say, before it is written. The keys of the labels are JSON, `''` without labels. */
  metrics(snapshot: Snapshot): ReadableMetric[] {
    const mode = this.#mode(TEXT, 'underscores', snapshot.resource);
    const resource = projectAttributes(snapshot.resource);
    return this.#metrics({ ...snapshot, resource }, TEXT, mode).map((metric) => ({
      ...metric,
      points: async () =>
        metric.families.length === 0
          ? infoPoints(resource, mode.labels)
          : collectPoints(metric, mode.labels, false, yieldEvery(SERIES_PER_SLICE)),
    }));
  }

  async *#body(
    snapshot: Snapshot,
    format: Format,
    mode: Mode,
    life: PieceLife,
  ): AsyncGenerator<Buffer, void, undefined> {
    const writer = new ByteWriter();
    const { labels } = mode;
    const collected = yieldEvery(SERIES_PER_SLICE);
    const written = yieldEvery(POINTS_PER_SLICE);
    try {
      for (const metric of this.#metrics(snapshot, format, mode)) {
        const { boundaries, points } =
          metric.families.length === 0
            ? infoPoints(snapshot.resource, labels)
            : await collectPoints(metric, labels, format.nativeHistograms, collected);
        const lines = format.begin(writer, metric, boundaries);
        for (const point of points) {
          lines.point(point);
          if (writer.hasPieces) {
            for (const piece of writer.take()) {
              yield piece;
              if (life === 'recycled') writer.recycle(piece);
            }
            await yieldToEventLoop();
          } else {
            const turn = written();
            if (turn !== undefined) await turn;
          }
        }
        lines.end();
      }
      format.end(writer);
      yield* writer.takeAll();
    } catch (error) {
      // The scraper only sees that the connection breaks.
      this.#report(`render ${reason(error)}`, ...warning('ORCHESTRATOR_SCRAPE_BROKEN', { error }));
      throw error;
    }
  }

  #metrics(snapshot: Snapshot, format: Format, { naming, names }: Mode): MetricFamily[] {
    const { targetInfo } = this.#options;
    return groupFamilies(snapshot, {
      dialect: format.dialect,
      targetInfo,
      instanceInfo: targetInfo ? this.#instanceInfo.of(snapshot.processes ?? []) : undefined,
      nameOf: (family) => {
        let name = names.get(family);
        if (name === undefined) {
          name = metricName(family, naming) ?? { name: undefined };
          names.set(family, name);
        }
        return name.name === undefined ? undefined : name;
      },
      report: (key, ...told) => this.#report(key, ...told),
    });
  }

  #report(key: string, ...told: Parameters<Warn>): void {
    if (this.#reported.has(key) || this.#reported.size >= MAX_REPORTS) return;
    this.#reported.add(key);
    this.#options.warn(...told);
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

function formatOf(name: Negotiated['format'], createdSeries: boolean): Format {
  if (name === 'text') return TEXT;
  if (name === 'openmetrics') return createdSeries ? OPENMETRICS : OPENMETRICS_WITHOUT_CREATED;
  // Most processes never load it: only a Prometheus that wants native histograms asks.
  const { PROTOBUF } = require('./formats/protobuf.js') as typeof Protobuf;
  return PROTOBUF;
}

function infoPoints(resource: Attributes, labels: LabelCache): CollectedPoints {
  const encoded = labels.encode(attributeLabels(resource, labels.rules.nameOf));
  return { boundaries: [], points: [{ labels: encoded, startMs: 0, values: [1] }] };
}

/** The whole body in one buffer, for frameworks that answer so. Rejects if a value cannot be written. */
export async function collectBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
