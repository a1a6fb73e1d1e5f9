import jsonata, { type Expression } from 'jsonata';

/** What an expression sees. */
export interface Scope {
  readonly payload: unknown;
  readonly flow: { readonly id: string; readonly action: string };
  /** Name of a step that is done -> its answer. */
  readonly steps: Readonly<Record<string, unknown>>;
}

/** Says why a text is no JSONata; undefined if it is. */
export function expressionProblem(text: string): string | undefined {
  try {
    jsonata(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Parsing costs more than most evaluations, and the texts come from configuration only. */
const parsed = new Map<string, Expression>();
const MOST_PARSED = 10_000;

export async function evaluate(text: string, scope: Scope): Promise<unknown> {
  let expression = parsed.get(text);
  if (expression === undefined) {
    if (parsed.size >= MOST_PARSED) parsed.clear();
    expression = jsonata(text);
    parsed.set(text, expression);
  }
  const value: unknown = await expression.evaluate(scope);
  // Lists of JSONata carry hidden properties; what goes on is plain JSON.
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

const WHOLE = /^\s*\{%([\s\S]*)%\}\s*$/;
const PARTS = /\{%([\s\S]*?)%\}/g;

/** A text that is one `{% … %}` becomes the value of its expression; in a longer text each one becomes text. */
export async function fill(template: unknown, scope: Scope): Promise<unknown> {
  if (typeof template === 'string') {
    const whole = WHOLE.exec(template)?.[1];
    if (whole !== undefined && !whole.includes('{%')) return evaluate(whole, scope);
    return fillText(template, scope, textOf);
  }
  if (Array.isArray(template)) return Promise.all(template.map((item) => fill(item, scope)));
  if (typeof template !== 'object' || template === null) return template;
  const entries = Object.entries(template).map(
    async ([key, value]) => [key, await fill(value, scope)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Each value is one part of a path, whatever is in it. */
export async function fillPath(template: string, scope: Scope): Promise<string> {
  return fillText(template, scope, (value) => {
    const text = textOf(value);
    if (text === '' || text === '.' || text === '..')
      throw new Error(`"${text}" cannot be a part of the path ${template}`);
    return encodeURIComponent(text);
  });
}

export async function fillText(
  template: string,
  scope: Scope,
  encode: (value: unknown) => string = textOf,
): Promise<string> {
  let text = '';
  let end = 0;
  for (const match of template.matchAll(PARTS)) {
    text += template.slice(end, match.index) + encode(await evaluate(match[1] ?? '', scope));
    end = match.index + match[0].length;
  }
  return text + template.slice(end);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
