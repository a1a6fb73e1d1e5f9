import { parser } from '@prometheus-io/lezer-promql';

// Not from @lezer/common, whose declarations for CommonJS are other ones than those the parser is declared with.
type SyntaxNode = ReturnType<ReturnType<typeof parser.parse>['resolve']>;

/** A selector of an expression, and what stands around it. */
export interface Selector {
  /** Empty if it is only named by a matcher on `__name__`. */
  readonly metric: string;
  /** As written: `job=~"$job"`. */
  readonly matchers: readonly string[];
  /** `5m` in `metric[5m]`. */
  readonly range: string | undefined;
  /** The function that the range is the argument of. */
  readonly functionName: string | undefined;
}

/** The selectors of a PromQL expression. Throws where the syntax ends to be PromQL. */
export function selectorsOf(expression: string): Selector[] {
  const selectors: Selector[] = [];
  parser.parse(expression).iterate({
    enter(reference) {
      if (reference.type.isError)
        throw new Error(`not PromQL at ${JSON.stringify(expression.slice(reference.from))}: ${expression}`);
      if (reference.name === 'VectorSelector') selectors.push(selectorAt(reference.node, expression));
    },
  });
  return selectors;
}

function selectorAt(node: SyntaxNode, expression: string): Selector {
  const text = (part: SyntaxNode): string => expression.slice(part.from, part.to);
  const name = node.getChild('Identifier');
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  const parent = node.parent;
  const ranged = parent?.name === 'MatrixSelector' ? parent : undefined;
  const call = ranged?.parent?.parent;
  return {
    metric: name === null ? '' : text(name),
    matchers: matchers.map(text),
    range: ranged === undefined ? undefined : /\[([^\]]*)\]$/.exec(text(ranged))?.[1],
    functionName: call?.name === 'FunctionCall' ? /^\w+/.exec(text(call))?.[0] : undefined,
  };
}
