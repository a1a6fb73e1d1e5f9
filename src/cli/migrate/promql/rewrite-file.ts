import { isMap, isScalar, LineCounter, parseDocument, visit, type Scalar, type YAMLMap } from 'yaml';

import type { MetricMove } from '../metric-move.js';
import { movesByName, rewriteQuery, type RewrittenQuery } from './rewrite-query.js';
import type { Moves, WordEdit } from './selectors.js';

/** One query of a dashboard or a rule. */
export interface FoundQuery {
  readonly line: number;
  readonly before: string;
  /** The same as `before` when it was refused. */
  readonly after: string;
  readonly refused: readonly string[];
}

export interface RewrittenFile {
  readonly text: string;
  readonly queries: readonly FoundQuery[];
}

/** A part of the file's text that becomes another one. */
interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Texts that name labels of the query beside them: names of series, and annotations of alerts. */
const LEGENDS = new Set(['legendFormat']);
const LABEL_SPOTS = new Set(['annotations', 'labels']);

/**
 * The file of a Grafana dashboard or of Prometheus rules with rewritten queries. JSON is YAML, so one parser knows where each
 * text stands, and everything but the changed words stays byte for byte.
 */
export function rewriteFile(text: string, metricMoves: readonly MetricMove[]): RewrittenFile {
  const moves = movesByName(metricMoves);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, strict: false });
  const queries: FoundQuery[] = [];
  const splices: Splice[] = [];
  visit(document, {
    Map(_key, map) {
      for (const key of ['expr', 'query', 'definition']) {
        const scalar = map.get(key, true);
        if (!isScalar(scalar) || typeof scalar.value !== 'string' || !scalar.range) continue;
        const rewritten = rewriteText(scalar.value, moves);
        if (rewritten.edits.length === 0 && rewritten.refused.length === 0) continue;
        const [from] = scalar.range;
        const { refused, text: after } = rewritten;
        queries.push({ line: lines.linePos(from).line, before: scalar.value, after, refused });
        splices.push(
          ...queryEdits(scalar, rewritten.edits, text),
          ...labelEdits(map, rewritten.labels, text),
        );
      }
    },
  });
  let after = text;
  for (const { from, to, text: now } of distinct(splices).toSorted((a, b) => b.from - a.from))
    after = after.slice(0, from) + now + after.slice(to);
  return { text: after, queries };
}

/** A query, or a question of a variable: `label_values(metric{…}, label)`. */
function rewriteText(value: string, moves: Moves): RewrittenQuery {
  const asked = /^(\s*label_values\s*\(\s*)(.+?)(\s*,\s*)(\w+)(\s*\)\s*)$/s.exec(value);
  if (asked === null) {
    const inner = /^(\s*query_result\s*\(\s*)(.+)(\)\s*)$/s.exec(value);
    return shifted(rewriteQuery(inner?.[2] ?? value, moves), value, inner?.[1]?.length ?? 0);
  }
  const [, before = '', selector = '', comma = '', label = ''] = asked;
  const rewritten = rewriteQuery(selector, moves);
  const to = rewritten.labels[label];
  const at = selector.length + comma.length;
  const edits = to === undefined ? rewritten.edits : [...rewritten.edits, { at, old: label, now: to }];
  return shifted({ ...rewritten, edits }, value, before.length);
}

function shifted(query: RewrittenQuery, whole: string, by: number): RewrittenQuery {
  const edits = query.edits.map((edit) => ({ ...edit, at: edit.at + by }));
  let text = whole;
  for (const { at, old, now } of edits.toReversed())
    text = text.slice(0, at) + now + text.slice(at + old.length);
  return { ...query, text, edits };
}

/**
 * Where the edited words stand in the file, whose quotes, indentation and line ends are not those of the query: the third
 * `path` of the query is the third one there.
 */
function queryEdits(scalar: Scalar, edits: readonly WordEdit[], file: string): Splice[] {
  const [from = 0, to = 0] = scalar.range ?? [];
  const query = String(scalar.value);
  const raw = file.slice(from, to);
  const isQuoted = scalar.type === 'QUOTE_DOUBLE';
  return edits.flatMap(({ at, old, now }) => {
    const wanted = isQuoted ? JSON.stringify(old).slice(1, -1) : old;
    const count = placesOf(query, old).filter((place) => place < at).length;
    const place = placesOf(raw, wanted)[count];
    if (place === undefined) return [];
    const written = isQuoted ? JSON.stringify(now).slice(1, -1) : now;
    return [{ from: from + place, to: from + place + wanted.length, text: written }];
  });
}

function placesOf(text: string, word: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    const isWhole = !/[\w:]/.test(text[at - 1] ?? '') || !/^\w/.test(word);
    if (isWhole && (!/\w$/.test(word) || !/[\w:]/.test(text[at + word.length] ?? ''))) places.push(at);
  }
  return places;
}

/** `{{path}}` in the name of a series, `{{ $labels.path }}` in an annotation of an alert. */
function labelEdits(map: YAMLMap, labels: Readonly<Record<string, string>>, file: string): Splice[] {
  const splices: Splice[] = [];
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const range = (value as { range?: readonly number[] | null } | null)?.range;
    const [from, to] = range ?? [];
    if (from === undefined || to === undefined) continue;
    const isLegend = LEGENDS.has(name) && isScalar(value);
    if (!isLegend && !(LABEL_SPOTS.has(name) && isMap(value))) continue;
    const pattern = isLegend ? /(\{\{\s*)(\w+)(?=\s*\}\})/g : /(\$labels\.)(\w+)/g;
    for (const match of file.slice(from, to).matchAll(pattern)) {
      const [, lead = '', label = ''] = match;
      const now = labels[label];
      const start = from + match.index + lead.length;
      if (now !== undefined) splices.push({ from: start, to: start + label.length, text: now });
    }
  }
  return splices;
}

/** Two queries of one panel may share what is beside them. */
function distinct(splices: readonly Splice[]): Splice[] {
  return [...new Map(splices.map((splice) => [splice.from, splice])).values()];
}
