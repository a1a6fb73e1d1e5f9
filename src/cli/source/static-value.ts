import type { Node, ObjectExpression } from '@babel/types';

import { walk, type ParsedFile } from './parse.js';

/** The constants of a file by name: `const PREFIX = 'shop_'`. Names that are declared twice are left out. */
export type Constants = ReadonlyMap<string, Node>;

export function constantsOf({ program }: ParsedFile): Constants {
  const found = new Map<string, Node>();
  const twice = new Set<string>();
  walk(program.program, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || !node.init) return;
    if (found.has(node.id.name)) twice.add(node.id.name);
    found.set(node.id.name, node.init);
  });
  for (const name of twice) found.delete(name);
  return found;
}

/** Deeper than anybody writes it; a constant that stands for itself ends here too. */
const MAX_DEPTH = 20;

/** The text of an expression that is known without running it: literals, templates, sums and constants of these. */
export function textOf(node: Node | null | undefined, constants: Constants, depth = 0): string | undefined {
  if (!node || depth > MAX_DEPTH) return undefined;
  switch (node.type) {
    case 'StringLiteral':
      return node.value;
    case 'NumericLiteral':
      return String(node.value);
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'ParenthesizedExpression':
      return textOf(node.expression, constants, depth + 1);
    case 'Identifier':
      return textOf(constants.get(node.name), constants, depth + 1);
    case 'BinaryExpression': {
      if (node.operator !== '+') return undefined;
      const left = textOf(node.left, constants, depth + 1);
      const right = textOf(node.right, constants, depth + 1);
      return left === undefined || right === undefined ? undefined : left + right;
    }
    case 'TemplateLiteral': {
      const parts = node.quasis.map((quasi, index) => {
        const between = node.expressions[index];
        const value = between === undefined ? '' : textOf(between, constants, depth + 1);
        return value === undefined ? undefined : (quasi.value.cooked ?? '') + value;
      });
      return parts.includes(undefined) ? undefined : parts.join('');
    }
    default:
      return undefined;
  }
}

/** The object of an expression: itself, or the constant that it names. */
export function objectOf(node: Node | null | undefined, constants: Constants): ObjectExpression | undefined {
  if (!node) return undefined;
  if (node.type === 'ObjectExpression') return node;
  if (node.type === 'Identifier') {
    const value = constants.get(node.name);
    return value?.type === 'ObjectExpression' ? value : undefined;
  }
  if (node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression')
    return objectOf(node.expression, constants);
  return undefined;
}

/** The value of a property of an object in source code. */
export function propertyOf(object: ObjectExpression | undefined, name: string): Node | undefined {
  for (const property of object?.properties ?? []) {
    if (property.type === 'SpreadElement' || property.computed) continue;
    const { key } = property;
    const called =
      key.type === 'Identifier' ? key.name : key.type === 'StringLiteral' ? key.value : undefined;
    if (called === name) return property.type === 'ObjectProperty' ? property.value : property;
  }
  return undefined;
}

/** The texts of an array; undefined if one of them is not known. */
export function textsOf(node: Node | undefined, constants: Constants): string[] | undefined {
  if (node?.type === 'Identifier') return textsOf(constants.get(node.name), constants);
  if (node?.type !== 'ArrayExpression') return undefined;
  const texts = node.elements.map((element) => textOf(element, constants));
  return texts.includes(undefined) ? undefined : (texts as string[]);
}
