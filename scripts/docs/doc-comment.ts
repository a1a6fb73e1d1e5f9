import {
  DocCodeSpan,
  DocErrorText,
  DocEscapedText,
  DocFencedCode,
  DocLinkTag,
  DocParagraph,
  DocPlainText,
  DocSoftBreak,
  type DocNode,
} from '@microsoft/tsdoc';

/** A part of a comment as Markdown. */
export function markdownOf(node: DocNode): string {
  if (node instanceof DocPlainText) return node.text;
  if (node instanceof DocErrorText) return node.text;
  if (node instanceof DocEscapedText) return node.decodedText;
  if (node instanceof DocSoftBreak) return '\n';
  if (node instanceof DocCodeSpan) return `\`${node.code}\``;
  if (node instanceof DocFencedCode) return `\`\`\`${node.language}\n${node.code.trimEnd()}\n\`\`\`\n\n`;
  if (node instanceof DocLinkTag) return linkOf(node);
  const inner = node.getChildNodes().map(markdownOf).join('');
  return node instanceof DocParagraph ? `${inner.trim()}\n\n` : inner;
}

function linkOf({ codeDestination, urlDestination, linkText }: DocLinkTag): string {
  if (urlDestination !== undefined) return `[${linkText ?? urlDestination}](${urlDestination})`;
  const parts = codeDestination?.memberReferences.map((member) => member.memberIdentifier?.identifier ?? '');
  return `\`${linkText ?? parts?.join('.') ?? ''}\``;
}

/** A part of a comment as one line, for a cell of a table. */
export function lineOf(node: DocNode | undefined): string {
  return node === undefined ? '' : markdownOf(node).trim().replaceAll(/\s+/g, ' ');
}
