import type { CallExpression, NewExpression, Node, ObjectPattern } from '@babel/types';

import { lineOf, walk, type ParsedFile } from './parse.js';
import { constantsOf, type Constants } from './static-value.js';

/** Something of a package that a file calls or constructs: `new client.Counter({ … })`. */
export interface PackageUse {
  readonly file: ParsedFile;
  readonly line: number;
  readonly packageName: string;
  /** Where it is in the package: `Counter`, `register.metrics`; empty for the package itself, called as a function. */
  readonly member: string;
  readonly call: CallExpression | NewExpression;
  readonly constants: Constants;
}

interface Origin {
  readonly packageName: string;
  readonly path: readonly string[];
}

/** Everything that a file calls of the packages for which `isWanted` holds, and the lines that load these. */
export function packageUses(
  file: ParsedFile,
  isWanted: (packageName: string) => boolean,
): { readonly loads: ReadonlyArray<{ packageName: string; line: number }>; readonly uses: PackageUse[] } {
  const loads: Array<{ packageName: string; line: number }> = [];
  const locals = new Map<string, Origin>();
  const resolve = (node: Node): Origin | undefined => originOf(node, locals, isWanted);
  walk(file.program.program, (node) => {
    const source = loadedBy(node);
    if (source !== undefined && isWanted(packageOf(source)))
      loads.push({ packageName: packageOf(source), line: lineOf(node) });
    learn(node, locals, isWanted, resolve);
  });
  if (loads.length === 0) return { loads, uses: [] };
  const constants = constantsOf(file);
  const uses: PackageUse[] = [];
  walk(file.program.program, (node) => {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
    if (loadedBy(node) !== undefined) return;
    const origin = resolve(node.callee);
    if (origin === undefined) return;
    const { packageName, path } = origin;
    const member = path.filter((part) => part !== 'default').join('.');
    uses.push({ file, line: lineOf(node), packageName, member, call: node, constants });
  });
  return { loads, uses };
}

/** `@scope/name/sub/file` -> `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** The module that a node loads: an import, a `require`, an `import()`, an export from it. */
function loadedBy(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return node.importKind === 'type' ? undefined : node.source.value;
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source?.value;
    case 'TSExternalModuleReference':
      return node.expression.value;
    case 'CallExpression': {
      const [first] = node.arguments;
      const isLoad =
        node.callee.type === 'Import' ||
        (node.callee.type === 'Identifier' && node.callee.name === 'require');
      return isLoad && first?.type === 'StringLiteral' ? first.value : undefined;
    }
    default:
      return undefined;
  }
}

/** Notes which local names stand for what of a package. */
function learn(
  node: Node,
  locals: Map<string, Origin>,
  isWanted: (packageName: string) => boolean,
  resolve: (node: Node) => Origin | undefined,
): void {
  if (node.type === 'ImportDeclaration' && isWanted(packageOf(node.source.value))) {
    const packageName = packageOf(node.source.value);
    for (const specifier of node.specifiers) {
      const path =
        specifier.type === 'ImportSpecifier'
          ? [specifier.imported.type === 'Identifier' ? specifier.imported.name : specifier.imported.value]
          : [];
      locals.set(specifier.local.name, { packageName, path });
    }
  }
  if (node.type === 'TSImportEqualsDeclaration') {
    const { moduleReference: reference } = node;
    const source = reference.type === 'TSExternalModuleReference' ? loadedBy(reference) : undefined;
    if (source !== undefined && isWanted(packageOf(source)))
      locals.set(node.id.name, { packageName: packageOf(source), path: [] });
  }
  if (node.type !== 'VariableDeclarator' || !node.init) return;
  const origin = resolve(node.init);
  if (origin === undefined) return;
  if (node.id.type === 'Identifier') locals.set(node.id.name, origin);
  if (node.id.type === 'ObjectPattern') learnPattern(node.id, origin, locals);
}

function learnPattern(pattern: ObjectPattern, origin: Origin, locals: Map<string, Origin>): void {
  for (const property of pattern.properties) {
    if (property.type !== 'ObjectProperty' || property.key.type !== 'Identifier') continue;
    const value = property.value.type === 'AssignmentPattern' ? property.value.left : property.value;
    if (value.type !== 'Identifier') continue;
    locals.set(value.name, { ...origin, path: [...origin.path, property.key.name] });
  }
}

/** What of a package an expression is. A thing that was made by calling it is followed too: `promBundle.metrics`, `io.init()`. */
function originOf(
  node: Node,
  locals: ReadonlyMap<string, Origin>,
  isWanted: (packageName: string) => boolean,
): Origin | undefined {
  switch (node.type) {
    case 'Identifier':
      return locals.get(node.name);
    case 'AwaitExpression':
      return originOf(node.argument, locals, isWanted);
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSNonNullExpression':
      return originOf(node.expression, locals, isWanted);
    case 'MemberExpression':
    case 'OptionalMemberExpression': {
      const origin = originOf(node.object, locals, isWanted);
      if (origin === undefined || node.computed || node.property.type !== 'Identifier') return undefined;
      return { ...origin, path: [...origin.path, node.property.name] };
    }
    case 'CallExpression': {
      const source = loadedBy(node);
      if (source !== undefined)
        return isWanted(packageOf(source)) ? { packageName: packageOf(source), path: [] } : undefined;
      return made(node.callee, locals, isWanted);
    }
    case 'NewExpression':
      return made(node.callee, locals, isWanted);
    default:
      return undefined;
  }
}

function made(
  callee: Node,
  locals: ReadonlyMap<string, Origin>,
  isWanted: (packageName: string) => boolean,
): Origin | undefined {
  const origin = originOf(callee, locals, isWanted);
  return origin === undefined ? undefined : { ...origin, path: [...origin.path, '()'] };
}
