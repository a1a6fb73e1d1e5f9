import type { parser } from '@prometheus-io/lezer-promql';

import type { MetricMove } from '../metric-move.js';

export type Tree = ReturnType<typeof parser.parse>;
export type SyntaxNode = ReturnType<Tree['resolve']>;

/** The metrics that move, by every name that a query can call them by. */
export type Moves = ReadonlyMap<string, MetricMove>;

/** A selector of a query, and the metric that moves if it names one. */
export interface Selector {
  readonly node: SyntaxNode;
  readonly name: SyntaxNode | null;
  readonly move: MetricMove | undefined;
}

/** A word of a query that becomes another one. */
export interface WordEdit {
  readonly at: number;
  readonly old: string;
  readonly now: string;
}

export function selectorsOf(tree: Tree, text: string, moves: Moves): Selector[] {
  const found: Selector[] = [];
  tree.iterate({
    enter({ name: type, node }) {
      if (type !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      found.push({ node, name, move: name === null ? undefined : moves.get(text.slice(name.from, name.to)) });
    },
  });
  return found;
}

/** Those that stand in a part of a query. */
export function below(node: SyntaxNode, selectors: readonly Selector[]): Selector[] {
  return selectors.filter((selector) => selector.node.from >= node.from && selector.node.to <= node.to);
}
