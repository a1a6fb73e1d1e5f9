import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  ApiDocumentedItem,
  ApiItemKind,
  ApiParameterListMixin,
  type ApiDeclaredItem,
  type ApiItem,
} from '@microsoft/api-extractor-model';
import type { DocComment } from '@microsoft/tsdoc';
import { parseSync } from 'oxc-parser';

import { apiSurface } from './api-model.js';
import { lineOf, markdownOf } from './doc-comment.js';
import { GENERATED, table } from './markdown.js';
import { ROOT } from './region.js';

const SECTIONS: ReadonlyArray<readonly [title: string, kinds: readonly ApiItemKind[]]> = [
  ['Functions', [ApiItemKind.Function]],
  ['Classes', [ApiItemKind.Class]],
  ['Constants', [ApiItemKind.Variable]],
  ['Types', [ApiItemKind.Interface, ApiItemKind.TypeAlias]],
];

/** `docs/api.md`: everything that the package exports, from its declarations and their comments. */
export function apiPage(): string {
  const { items } = apiSurface();
  const { order, aliases } = exportsOfIndex();
  const rank = ({ displayName }: ApiItem): number => order.indexOf(displayName);
  const sections = SECTIONS.map(([title, kinds]) => {
    const members = items.filter(({ kind }) => kinds.includes(kind)).toSorted((a, b) => rank(a) - rank(b));
    return [`## ${title}`, ...members.map((item) => itemText(item, aliases.get(item.displayName)))].join(
      '\n\n',
    );
  });
  return `${[GENERATED, INTRO, ...sections].join('\n\n')}\n`;
}

/** In which order the names are exported, and which of them have a second name. */
function exportsOfIndex(): { order: string[]; aliases: Map<string, string> } {
  const source = readFileSync(join(ROOT, 'src', 'index.ts'), 'utf8');
  const order: string[] = [];
  const aliases = new Map<string, string>();
  for (const { entries } of parseSync('index.ts', source).module.staticExports) {
    for (const { importName, exportName } of entries) {
      const [from, to] = [importName.name ?? '', exportName.name ?? ''];
      order.push(to);
      if (from !== to) aliases.set(from, to);
    }
  }
  return { order, aliases };
}

function itemText(item: ApiItem, alias: string | undefined): string {
  const parts = [`### ${item.displayName}`, signature(item), ...commentText(item)];
  if (alias !== undefined) parts.push(`Also exported as \`${alias}\`, its name of an earlier version.`);
  const members = item.members.filter(({ displayName }) => !displayName.startsWith('['));
  if (members.length > 0) parts.push(table(['Member', 'Type', 'Meaning'], members.map(memberRow)));
  return parts.filter((part) => part !== '').join('\n\n');
}

function signature(item: ApiItem): string {
  return `\`\`\`ts\n${declaration(item).replaceAll(/^export (?:declare )?/g, '')}\n\`\`\``;
}

function declaration(item: ApiItem): string {
  return (item as ApiDeclaredItem).excerpt.text;
}

function memberRow(member: ApiItem): string[] {
  const comment = commentOf(member);
  const name = member.kind === ApiItemKind.Constructor ? 'constructor' : member.displayName;
  const type = declaration(member)
    .replace(/^(?:(?:readonly|protected|abstract|static|get|set) )*/, '')
    .replace(/^(?:constructor|\w+)(?<optional>\??)(?::\s*)?/, '$<optional>')
    .replace(/;$/, '');
  const meaning = [lineOf(comment?.summarySection), lineOf(comment?.remarksBlock?.content)];
  return [
    `\`${name}\``,
    `\`${type.replaceAll(/\s+/g, ' ')}\``,
    meaning.filter((text) => text !== '').join(' '),
  ];
}

function commentText(item: ApiItem): string[] {
  const comment = commentOf(item);
  if (comment === undefined) return [];
  const blocks = comment.customBlocks.map((block) => {
    const text = markdownOf(block.content).trim();
    if (block.blockTag.tagNameWithUpperCase === '@THROWS') return `**Throws** ${text}`;
    return block.blockTag.tagNameWithUpperCase === '@EXAMPLE'
      ? text
      : `**${block.blockTag.tagName}** ${text}`;
  });
  const returns = comment.returnsBlock && `**Returns** ${lineOf(comment.returnsBlock.content)}`;
  return [
    markdownOf(comment.summarySection).trim(),
    comment.remarksBlock === undefined ? '' : markdownOf(comment.remarksBlock.content).trim(),
    parametersText(item),
    returns ?? '',
    ...blocks,
  ];
}

function parametersText(item: ApiItem): string {
  if (!ApiParameterListMixin.isBaseClassOf(item)) return '';
  const documented = item.parameters.filter(({ tsdocParamBlock }) => tsdocParamBlock !== undefined);
  return documented
    .map(({ name, tsdocParamBlock }) => `- \`${name}\`: ${lineOf(tsdocParamBlock?.content)}`)
    .join('\n');
}

function commentOf(item: ApiItem): DocComment | undefined {
  return item instanceof ApiDocumentedItem ? item.tsdocComment : undefined;
}

const INTRO = `# API

Everything that \`@org/orchestrator\` exports. Most applications need none of it: the preload does the work, and
[configuration.md](configuration.md) lists its settings. The codes of errors and warnings are in [errors.md](errors.md).`;
