import { parser } from '@prometheus-io/lezer-promql';

import type { MetricMove } from '../metric-move.js';
import { groupingEdits, isMatchedWithOthers } from './label-groups.js';
import { withoutVariables } from './placeholders.js';
import {
  type Moves,
  type Selector,
  selectorsOf,
  type SyntaxNode,
  type Tree,
  type WordEdit,
} from './selectors.js';

export interface RewrittenQuery {
  readonly text: string;
  /** In the order of their positions; empty when the query names none of the metrics. */
  readonly edits: readonly WordEdit[];
  /** Old label -> new label, of what was renamed. */
  readonly labels: Readonly<Record<string, string>>;
  /** Why the query was left as it is although it names metrics that move. */
  readonly refused: readonly string[];
}

const SUFFIXES = ['_bucket', '_sum', '_count'] as const;

/** The first one wins where two have one name. Metrics that stay are not among them. */
export function movesByName(moves: readonly MetricMove[]): Moves {
  const found = new Map<string, MetricMove>();
  for (const move of moves) {
    if (move.to === move.from && move.labels === undefined) continue;
    const names = move.histogram === true ? ['', ...SUFFIXES] : [''];
    for (const suffix of names) {
      if (found.has(move.from + suffix)) continue;
      const to = move.to === undefined ? undefined : move.to + suffix;
      found.set(move.from + suffix, { ...move, from: move.from + suffix, to });
    }
  }
  return found;
}

/**
 * A PromQL query with the new names of metrics and labels. Either all of it is rewritten or nothing: half a query would ask
 * for something that never was.
 */
export function rewriteQuery(query: string, moves: Moves): RewrittenQuery {
  const text = withoutVariables(query);
  const tree = parser.parse(text);
  const selectors = selectorsOf(tree, text, moves);
  const moving = selectors.filter(({ move }) => move !== undefined);
  const nothing: RewrittenQuery = { text: query, edits: [], labels: {}, refused: [] };
  if (moving.length === 0) return nothing;
  const refused = new Set<string>();
  if (hasError(tree)) refused.add('it could not be read as PromQL');
  const edits: WordEdit[] = [];
  for (const { node, name, move } of moving) {
    if (move === undefined || name === null) continue;
    for (const problem of problemsOf(node, move)) refused.add(problem);
    edits.push(...selectorEdits({ node, name, move }, text, query, refused));
  }
  const groupings = groupingEdits(tree, text, selectors, refused);
  if (isMatchedWithOthers(tree, text, selectors, groupings))
    refused.add('it is matched with other metrics by labels that get new names');
  edits.push(...groupings);
  if (refused.size > 0) return { ...nothing, refused: [...refused] };
  // A hand-written metric may have the new name already, and other labels.
  const sorted = edits.filter(({ old, now }) => old !== now).toSorted((a, b) => a.at - b.at);
  return { text: apply(query, sorted), edits: sorted, labels: labelsOf(moving), refused: [] };
}

function hasError(tree: Tree): boolean {
  let found = false;
  tree.iterate({
    enter({ type }) {
      if (type.isError) found = true;
    },
  });
  return found;
}

/** What forbids to put the new name in the old one's place. */
function problemsOf(node: SyntaxNode, move: MetricMove): string[] {
  if (move.to === undefined)
    return [`${move.from} has no counterpart${move.note === undefined ? '' : `: ${move.note}`}`];
  if (move.rewritable === false)
    return [`${move.from} -> ${move.to}: ${move.note ?? 'it means something else'}`];
  if (move.summed === true && !isSummed(node))
    return [`${move.from} -> ${move.to}: it has a label more, put sum() around it`];
  return [];
}

/** True below a `sum`, with nothing between them that two series with one old name would make ambiguous. */
function isSummed(node: SyntaxNode): boolean {
  for (let at = node.parent; at !== null; at = at.parent) {
    if (at.name === 'AggregateExpr') return at.firstChild?.firstChild?.name === 'Sum';
    if (at.name === 'BinaryExpr') return false;
  }
  return false;
}

function selectorEdits(
  { node, name, move }: { readonly node: SyntaxNode; readonly name: SyntaxNode; readonly move: MetricMove },
  text: string,
  query: string,
  refused: Set<string>,
): WordEdit[] {
  const edits: WordEdit[] = [];
  const matchers = node.getChild('LabelMatchers');
  const list = matchers?.getChildren('UnquotedLabelMatcher') ?? [];
  for (const matcher of list) edits.push(...matcherEdits(matcher, move, text, query, refused));
  const old = text.slice(name.from, name.to);
  if (move.to === undefined) return edits;
  const braces = move.matcher === undefined ? '' : `{${move.matcher}${list.length > 0 ? ',' : '}'}`;
  if (braces === '' || matchers === null || matchers === undefined)
    return [...edits, { at: name.from, old, now: move.to + braces }];
  // The brace that is there goes with the name, so that nothing is edited twice.
  const upTo = list[0]?.from ?? matchers.to;
  return [...edits, { at: name.from, old: query.slice(name.from, upTo), now: move.to + braces }];
}

function matcherEdits(
  matcher: SyntaxNode,
  move: MetricMove,
  text: string,
  query: string,
  refused: Set<string>,
): WordEdit[] {
  const labelNode = matcher.getChild('LabelName');
  const valueNode = matcher.getChild('StringLiteral');
  if (labelNode === null || valueNode === null) return [];
  const label = text.slice(labelNode.from, labelNode.to);
  const value = query.slice(valueNode.from + 1, valueNode.to - 1);
  const isExact = /^\w+\s*!?=\s*["'`]/.test(text.slice(matcher.from, matcher.to));
  if (label === 'le' && move.boundaries !== undefined && !(isExact && hasBoundary(move.boundaries, value)))
    refused.add(
      `le="${value}" may be no boundary of ${move.to ?? ''}: set ORCHESTRATOR_HTTP_BUCKETS, or change it`,
    );
  const edits: WordEdit[] = [];
  const to = move.labels?.[label];
  if (to !== undefined) edits.push({ at: labelNode.from, old: label, now: to });
  const values = move.values?.[label];
  if (values !== undefined) {
    const now = isExact ? values[value] : undefined;
    if (now === undefined)
      refused.add(`${label} has other values in ${move.to ?? ''}: ${Object.values(values).join(', ')}`);
    else edits.push({ at: valueNode.from + 1, old: value, now });
  }
  return edits;
}

function hasBoundary(boundaries: readonly number[], le: string): boolean {
  return le === '+Inf' || boundaries.includes(Number(le));
}

function labelsOf(selectors: readonly Selector[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { move } of selectors) Object.assign(labels, move?.labels);
  return labels;
}

function apply(query: string, edits: readonly WordEdit[]): string {
  let text = query;
  for (const { at, old, now } of edits.toReversed())
    text = text.slice(0, at) + now + text.slice(at + old.length);
  return text;
}
