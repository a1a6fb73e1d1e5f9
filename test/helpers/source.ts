import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { parseSync, Visitor, type Node, type Program } from 'oxc-parser';

import { PACKAGE_ROOT } from './scratch.js';

/** One file of this package as its parser sees it; paths are relative to the package, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  /** Whatever it imports: packages, built-in modules, and files of ours by their path. */
  readonly imports: readonly string[];
  /**
   * Which properties of `process` it touches, however it gets at them; undefined stands for one whose name cannot be read
   * there, or for the object as a whole.
   */
  readonly ofProcess: readonly (string | undefined)[];
}

/** Every TypeScript file below a folder. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name).replaceAll('\\', '/'))
    .toSorted()
    .map(sourceFile);
}

export function sourceFile(path: string): SourceFile {
  return parseSource(path, readFileSync(join(PACKAGE_ROOT, path), 'utf8'));
}

export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`);
  return { path, text, program, imports: importsOf(path, program), ofProcess: processProperties(program) };
}

/** Imports of values and of types, exports from another file, `import()`, `require()` and `require.resolve()`. */
function importsOf(path: string, program: Program): string[] {
  const found = new Set<string>();
  const add = (source: Node | null): void => {
    if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
    const name = source.value;
    found.add(name.startsWith('.') ? resolved(path, name) : name.replace(/^node:/, ''));
  };
  new Visitor({
    ImportDeclaration: ({ source }) => add(source),
    ExportNamedDeclaration: ({ source }) => add(source),
    ExportAllDeclaration: ({ source }) => add(source),
    ImportExpression: ({ source }) => add(source),
    TSImportType: ({ source }) => add(source),
    CallExpression({ callee, arguments: [first] }) {
      if (isRequire(callee)) add(first ?? null);
    },
  }).visit(program);
  return [...found];
}

/** `require`, `require.resolve`, and what `createRequire` gave under a name of its own: `fromSdk('…')`. */
function isRequire(callee: Node): boolean {
  if (callee.type === 'MemberExpression') return isRequire(callee.object);
  return callee.type === 'Identifier' && /^(?:require|from[A-Z]\w*)$/.test(callee.name);
}

function resolved(from: string, specifier: string): string {
  return relative('.', join(dirname(from), specifier))
    .replaceAll('\\', '/')
    .replace(/\.js$/, '.ts')
    .replace(/\.jsx$/, '.tsx');
}

/** The texts of a file: strings, templates and regular expressions, and no comment. */
export function literals({ program }: SourceFile): string[] {
  const found: string[] = [];
  new Visitor({
    Literal({ value, raw }) {
      if (typeof value === 'string') found.push(value);
      else if (value instanceof RegExp && raw !== null) found.push(raw);
    },
    TemplateElement: ({ value }) => void found.push(value.cooked ?? value.raw),
  }).visit(program);
  return found;
}

function processProperties(program: Program): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  const known = new Set<Node>();
  const add = (name: string | undefined, process: Node): void => {
    known.add(process);
    found.push(name);
  };
  new Visitor({
    MemberExpression({ object, property, computed }) {
      if (isProcess(object)) add(propertyName(property, computed), object);
      // A property of that name, as `worker.process`, is another thing.
      if (!computed) known.add(property);
    },
    Property({ key, computed, shorthand }) {
      if (!computed && !shorthand) known.add(key);
    },
    PropertyDefinition: ({ key }) => void known.add(key),
    TSPropertySignature: ({ key }) => void known.add(key),
    VariableDeclarator({ id, init }) {
      if (init === null || !isProcess(init) || id.type !== 'ObjectPattern') return;
      for (const property of id.properties)
        add(property.type === 'Property' ? propertyName(property.key, property.computed) : undefined, init);
    },
    ImportDeclaration({ source, specifiers }) {
      if (source.value !== 'process' && source.value !== 'node:process') return;
      for (const specifier of specifiers)
        found.push(
          specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier'
            ? specifier.imported.name
            : undefined,
        );
    },
  }).visit(program);
  new Visitor({
    Identifier(node) {
      if (node.name === 'process' && !known.has(node)) found.push(undefined);
    },
  }).visit(program);
  return found;
}

/** `process` and `globalThis.process`. */
function isProcess(node: Node): boolean {
  if (node.type === 'Identifier') return node.name === 'process';
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.name === 'globalThis' &&
    propertyName(node.property, node.computed) === 'process'
  );
}

function propertyName(key: Node, computed: boolean): string | undefined {
  if (key.type === 'Identifier') return computed ? undefined : key.name;
  return key.type === 'Literal' ? String(key.value) : undefined;
}
