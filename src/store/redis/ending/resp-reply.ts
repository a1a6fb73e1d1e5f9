/** A reply of Redis, as `-ERR …`, `:1`, `+OK`, `$3`, `*2` in version 2 of its protocol. */
export type RespReply = string | number | null | RespError | RespReply[];

/** What Redis answers instead of doing it. */
export class RespError extends Error {}

const CR = 13;

/** One reply from the beginning of some bytes, and where it ends; undefined while some of it is missing. */
export function parseReply(
  bytes: Buffer,
  start = 0,
): { readonly reply: RespReply; readonly end: number } | undefined {
  const lineEnd = bytes.indexOf(CR, start);
  if (lineEnd === -1 || lineEnd + 2 > bytes.length) return undefined;
  const kind = String.fromCharCode(bytes[start] ?? 0);
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const next = lineEnd + 2;
  if (kind === '+') return { reply: line, end: next };
  if (kind === '-') return { reply: new RespError(line), end: next };
  if (kind === ':') return { reply: Number(line), end: next };
  const length = Number(line);
  if ((kind !== '$' && kind !== '*') || !Number.isInteger(length)) throw new Error('this is not Redis');
  if (length < 0) return { reply: null, end: next };
  return kind === '$' ? parseBulk(bytes, next, length) : parseArray(bytes, next, length);
}

function parseBulk(bytes: Buffer, start: number, length: number): ReturnType<typeof parseReply> {
  const end = start + length;
  return bytes.length < end + 2 ? undefined : { reply: bytes.toString('utf8', start, end), end: end + 2 };
}

function parseArray(bytes: Buffer, start: number, length: number): ReturnType<typeof parseReply> {
  const replies: RespReply[] = [];
  let at = start;
  for (let index = 0; index < length; index += 1) {
    const item = parseReply(bytes, at);
    if (item === undefined) return undefined;
    replies.push(item.reply);
    at = item.end;
  }
  return { reply: replies, end: at };
}

/** A command as Redis reads it. */
export function encodeCommand(args: ReadonlyArray<string | number | Buffer>): Buffer {
  const pieces: Array<string | Buffer> = [`*${args.length}\r\n`];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    pieces.push(`$${bytes.length}\r\n`, bytes, '\r\n');
  }
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
}
