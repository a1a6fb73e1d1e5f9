import type { Node, ObjectExpression } from '@babel/types';

import { parseFile, walk } from '../source/parse.js';
import { propertyOf, textOf } from '../source/static-value.js';
import { hasPreload, PRELOAD_OPTION } from './preload.js';

/** PM2's own pattern for its files: `ecosystem.config.js`, `pm2.json`, `pm2.config.cjs`. */
export const ECOSYSTEM_FILE: RegExp =
  /^(?:ecosystem(?:\.config)?|pm2(?:\.config)?|processes)\.(?:[cm]?js|json)$/;

export interface EditedEcosystem {
  readonly text: string;
  /** Applications that were not changed, by their line, and why. */
  readonly byHand: ReadonlyArray<{ readonly line: number; readonly why: string }>;
}

/** Something inserted at a position of the text. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** The ecosystem file with `node_args` for each application that PM2 runs with Node. Everything else stays as it is. */
export function ecosystemWithPreload(path: string, text: string): EditedEcosystem {
  const isJson = path.endsWith('.json');
  // JSON is an expression of JavaScript; what is put before it is taken off again.
  const lead = isJson ? 'x=' : '';
  const parsed = parseFile(isJson ? 'ecosystem.js' : path, lead + text);
  if (parsed === undefined) return { text, byHand: [{ line: 1, why: 'it cannot be read' }] };
  const insertions: Insertion[] = [];
  const byHand: Array<{ line: number; why: string }> = [];
  walk(parsed.program.program, (node) => {
    if (node.type !== 'ObjectExpression' || propertyOf(node, 'script') === undefined) return;
    if (!runsNode(node)) return;
    const edit = editApplication(node, lead + text, isJson);
    if (edit === undefined) return;
    if ('why' in edit) byHand.push({ line: node.loc?.start.line ?? 1, why: edit.why });
    else insertions.push(edit);
  });
  let after = lead + text;
  for (const { at, text: added } of insertions.toSorted((a, b) => b.at - a.at))
    after = after.slice(0, at) + added + after.slice(at);
  return { text: after.slice(lead.length), byHand };
}

function runsNode(application: ObjectExpression): boolean {
  const interpreter = textOf(propertyOf(application, 'interpreter'), new Map()) ?? 'node';
  const script = textOf(propertyOf(application, 'script'), new Map()) ?? '.js';
  return /(?:^|\/)node(?:js)?$/.test(interpreter) && /\.(?:[cm]?js|[cm]?ts)$|^[^.]*$/.test(script);
}

function editApplication(
  application: ObjectExpression,
  text: string,
  isJson: boolean,
): Insertion | { readonly why: string } | undefined {
  const script = propertyOf(application, 'script');
  const name = ['node_args', 'nodeArgs', 'interpreter_args', 'interpreterArgs'].find(
    (candidate) => propertyOf(application, candidate) !== undefined,
  );
  if (name !== undefined) return addToExisting(propertyOf(application, name), text, isJson);
  const env = propertyOf(application, 'env');
  if (env !== undefined && hasPreload(text.slice(env.start ?? 0, env.end ?? 0))) return undefined;
  if (!script || typeof script.end !== 'number' || typeof script.start !== 'number')
    return { why: `add node_args: '${PRELOAD_OPTION}'` };
  const lineStart = text.lastIndexOf('\n', script.start) + 1;
  const indentation = /^[ \t]*/.exec(text.slice(lineStart))?.[0] ?? '';
  // An application on one line gets it on that line.
  const isOneLine = !text.slice(application.start ?? 0, application.end ?? 0).includes('\n');
  const separator = isOneLine ? ', ' : `,\n${indentation}`;
  const property = isJson ? `"node_args": "${PRELOAD_OPTION}"` : `node_args: '${PRELOAD_OPTION}'`;
  return { at: script.end, text: separator + property };
}

/** In front of what is there: a text or a list of options. */
function addToExisting(
  args: Node | undefined,
  text: string,
  isJson: boolean,
): Insertion | { readonly why: string } | undefined {
  const why = `add ${PRELOAD_OPTION} to its node_args`;
  if (args === undefined || typeof args.start !== 'number' || typeof args.end !== 'number') return { why };
  if (hasPreload(text.slice(args.start, args.end))) return undefined;
  if (args.type === 'StringLiteral')
    return { at: args.start + 1, text: args.value === '' ? PRELOAD_OPTION : `${PRELOAD_OPTION} ` };
  if (args.type !== 'ArrayExpression') return { why };
  const quote = isJson ? '"' : "'";
  const items = PRELOAD_OPTION.split(' ').map((item) => quote + item + quote);
  return { at: args.start + 1, text: items.join(', ') + (args.elements.length > 0 ? ', ' : '') };
}
