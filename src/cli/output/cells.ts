import truncatedWidth from 'fast-string-truncated-width';

/**
 * Text of others as it may be printed on a terminal: without characters that a terminal takes as orders, and which a label
 * may hold.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g, '?');
}

/** Text in exactly so many columns of a terminal, wide characters counted: cut with an ellipsis, or filled with spaces. */
export function fitted(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  if (columns <= 0) return '';
  const { width, index, truncated } = truncatedWidth(text, {
    limit: columns,
    ellipsis: '…',
    ellipsisWidth: 1,
  });
  const shown = truncated ? `${text.slice(0, index)}…` : text;
  const padding = ' '.repeat(Math.max(0, columns - (truncated ? width + 1 : width)));
  return align === 'left' ? shown + padding : padding + shown;
}
