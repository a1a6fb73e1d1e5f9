import { below, type Selector, type SyntaxNode, type Tree, type WordEdit } from './selectors.js';

/** `by`, `without`, `on`, `ignoring` and `group_left` name labels of everything that they stand above. */
export function groupingEdits(
  tree: Tree,
  text: string,
  selectors: readonly Selector[],
  refused: Set<string>,
): WordEdit[] {
  const edits: WordEdit[] = [];
  tree.iterate({
    enter({ name, node }) {
      if (name === 'LabelReplace' || name === 'LabelJoin') {
        const call = node.parent?.parent;
        if (call && below(call, selectors).some(({ move }) => move?.labels !== undefined))
          refused.add('it changes labels by label_replace or label_join');
      }
      if (name !== 'GroupingLabels') return;
      const scope = scopeOf(node);
      for (const label of node.getChildren('LabelName')) {
        const old = text.slice(label.from, label.to);
        const wanted = new Set(below(scope, selectors).map(({ move }) => move?.labels?.[old] ?? old));
        const [now] = wanted;
        if (wanted.size > 1) refused.add(`the label ${old} belongs to metrics that move and to others`);
        else if (now !== undefined && now !== old) edits.push({ at: label.from, old, now });
      }
    },
  });
  return edits;
}

/**
 * True when an operator matches a metric whose labels are renamed with one that keeps them: their labels would no longer be the
 * same. Sums without those labels, and `on` with others, do not mind.
 */
export function isMatchedWithOthers(
  tree: Tree,
  text: string,
  selectors: readonly Selector[],
  groupings: readonly WordEdit[],
): boolean {
  let found = false;
  tree.iterate({
    enter({ name, node }) {
      if (name !== 'BinaryExpr') return;
      const inside = below(node, selectors);
      const renamed = inside.filter(({ move }) => move?.labels !== undefined);
      if (renamed.length === 0 || renamed.length === inside.length) return;
      const isGrouped = groupings.some(({ at }) => at >= node.from && at < node.to);
      const isBare = renamed.some((selector) => !isAggregated(selector.node, node));
      const clause = node.getChild('MatchingModifierClause');
      const isByOthers = clause !== null && /^on\b/.test(text.slice(clause.from)) && !isGrouped;
      if ((isGrouped || isBare) && !isByOthers) found = true;
    },
  });
  return found;
}

function isAggregated(node: SyntaxNode, upTo: SyntaxNode): boolean {
  for (let at = node.parent; at !== null && at.from >= upTo.from && at.to <= upTo.to; at = at.parent)
    if (at.name === 'AggregateExpr') return true;
  return false;
}

function scopeOf(grouping: SyntaxNode): SyntaxNode {
  for (let at = grouping.parent; at !== null; at = at.parent)
    if (at.name === 'AggregateExpr' || at.name === 'BinaryExpr') return at;
  return grouping;
}
