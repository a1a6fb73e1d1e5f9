import type { EscapingScheme } from './naming/escaping.js';

/** How a scrape is answered. */
export interface Negotiated {
  readonly format: 'text' | 'openmetrics' | 'protobuf';
  readonly escaping: EscapingScheme;
  /** The whole value of the response's Content-Type. */
  readonly contentType: string;
}

interface MediaRange {
  /** Lower case: `text/plain`. */
  readonly type: string;
  /** Lower-case names, unquoted values. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** "If no fallback is specified, the target MUST use PrometheusText0.0.4 as a last resort": never a 406. */
export const TEXT_0_0_4: Negotiated = {
  format: 'text',
  escaping: 'underscores',
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
};

/** No honest client sends a longer header. */
const MAX_HEADER = 4096;
const MAX_RANGES = 50;

/**
 * The format for an `Accept` header (Prometheus documentation, "Scrape protocol content negotiation"): of the formats
 * that can be written, the one with the highest quality, among equals the first. Several headers are one, joined by a comma.
 */
export function negotiate(accept: string | undefined): Negotiated {
  let best = TEXT_0_0_4;
  let quality = 0;
  for (const range of parseRanges(accept)) {
    if (range.quality <= quality) continue;
    const offered = offer(range);
    if (offered === undefined) continue;
    best = offered;
    quality = range.quality;
  }
  return best;
}

function offer({ type, parameters }: MediaRange): Negotiated | undefined {
  const version = parameters.get('version');
  switch (type) {
    case 'text/plain':
      if (version === '1.0.0')
        return withEscaping('text', 'text/plain; version=1.0.0; charset=utf-8', parameters);
      return version === undefined || version === '0.0.4' ? TEXT_0_0_4 : undefined;
    case 'application/openmetrics-text':
      return openMetrics(version, parameters);
    case 'application/vnd.google.protobuf':
      return protobuf(parameters);
    // Wildcards get the format that every client reads.
    case 'text/*':
    case '*/*':
      return TEXT_0_0_4;
    case 'application/*':
      return openMetrics(undefined, new Map());
    default:
      return undefined;
  }
}

/** "MUST default to the oldest version of the standard (i.e. 1.0.0) if no newer version is requested." */
function openMetrics(
  version: string | undefined,
  parameters: ReadonlyMap<string, string>,
): Negotiated | undefined {
  if (version === undefined || version === '1.0.0') {
    return withEscaping(
      'openmetrics',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
      parameters,
    );
  }
  if (version !== '0.0.1') return undefined;
  return {
    format: 'openmetrics',
    escaping: 'underscores',
    contentType: 'application/openmetrics-text; version=0.0.1; charset=utf-8',
  };
}

function protobuf(parameters: ReadonlyMap<string, string>): Negotiated | undefined {
  if (parameters.get('proto') !== 'io.prometheus.client.MetricFamily') return undefined;
  if (parameters.get('encoding') !== 'delimited') return undefined;
  const contentType =
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
  // Older servers do not know the parameter, and Prometheus does not ask for it here.
  if (!parameters.has('escaping')) return { format: 'protobuf', escaping: 'underscores', contentType };
  return withEscaping('protobuf', contentType, parameters);
}

function withEscaping(
  format: Negotiated['format'],
  type: string,
  parameters: ReadonlyMap<string, string>,
): Negotiated {
  const escaping = escapingOf(parameters.get('escaping'));
  return { format, escaping, contentType: `${type}; escaping=${escaping}` };
}

/** An unknown scheme is answered with the default, and never repeated into the reply. */
function escapingOf(value: string | undefined): EscapingScheme {
  switch (value?.toLowerCase()) {
    case 'allow-utf-8':
    // The documentation's own examples are spelled this way.
    case 'allow-utf8':
      return 'allow-utf-8';
    case 'dots':
      return 'dots';
    case 'values':
      return 'values';
    default:
      return 'underscores';
  }
}

/**
 * True if the client takes gzip: it names `gzip`, `x-gzip` or `*` with a quality above 0. Without the header "any
 * coding is acceptable", but such a client is more likely a person with netcat.
 */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  let wildcard = false;
  for (const { type, quality } of parseRanges(acceptEncoding)) {
    if (type === 'gzip' || type === 'x-gzip') return quality > 0;
    if (type === '*') wildcard = quality > 0;
  }
  return wildcard;
}

/** Malformed parts are skipped, not the header: one odd proxy must not change the format of everything else. */
function parseRanges(header: string | undefined): MediaRange[] {
  if (header === undefined || header.length > MAX_HEADER) return [];
  const ranges: MediaRange[] = [];
  for (const element of split(header, ',').slice(0, MAX_RANGES)) {
    const [type = '', ...rest] = split(element, ';');
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const equals = parameter.indexOf('=');
      if (equals === -1) continue;
      parameters.set(
        parameter.slice(0, equals).trim().toLowerCase(),
        unquote(parameter.slice(equals + 1).trim()),
      );
    }
    const quality = parseQuality(parameters.get('q'));
    if (type !== '' && quality !== undefined) ranges.push({ type: type.toLowerCase(), parameters, quality });
  }
  return ranges;
}

/** Splits outside quoted strings, and trims. */
function split(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quoted && character === '\\') index += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

function parseQuality(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  const quality = /^(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  return quality >= 0 && quality <= 1 ? quality : undefined;
}
