/**
 * A text with `body` between its marks `<!-- name -->` and `<!-- end of name -->`.
 *
 * @throws Error when a mark is missing
 */
export function withSection(text: string, name: string, body: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the text lacks ${start} or ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${body}\n${text.slice(to)}`;
}
