import { parse, type ParserPlugin } from '@babel/parser';
import type { File, Node } from '@babel/types';

/** A file of JavaScript or TypeScript that was read, and what its parser made of it. */
export interface ParsedFile {
  /** Relative to the application's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: File;
}

/** What is read as source code; declarations have no code. */
export const SOURCE_FILE: RegExp = /(?<!\.d)\.(?:[cm]?js|jsx|[cm]?ts|tsx)$/;

/** Undefined for a file that even an indulgent parser cannot read: it is reported, not guessed at. */
export function parseFile(path: string, text: string): ParsedFile | undefined {
  try {
    const program = parse(text, {
      sourceType: 'unambiguous',
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
      errorRecovery: true,
      plugins: pluginsOf(path),
    });
    return { path, text, program };
  } catch {
    return undefined;
  }
}

/** In `.ts` a type assertion may look like JSX (`<T>x`); everywhere else JSX is harmless to allow. */
function pluginsOf(path: string): ParserPlugin[] {
  if (/\.[cm]?ts$/.test(path)) return ['typescript', 'decorators-legacy'];
  if (path.endsWith('.tsx')) return ['typescript', 'jsx', 'decorators-legacy'];
  return ['jsx', 'decorators-legacy'];
}

/** Calls `visit` with every node, outer ones first, and its parent. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void): void {
  const visitDeep = (at: Node, parent: Node | undefined): void => {
    visit(at, parent);
    for (const value of Object.values(at) as unknown[]) {
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
        if (isNode(child)) visitDeep(child, at);
    }
  };
  visitDeep(node, undefined);
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    'loc' in value &&
    // Comments have a place too.
    !value.type.startsWith('Comment')
  );
}

export function lineOf(node: Node): number {
  return node.loc?.start.line ?? 1;
}
