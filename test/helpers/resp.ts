/**
 * Finds the ends of RESP messages (Redis protocol, versions 2 and 3) in a stream that arrives in any pieces. Enough to tell
 * which reply belongs to which request; values are not decoded.
 */
export class RespStream {
  #pending: Buffer = Buffer.alloc(0);

  /** The messages that became complete with this piece, each as its bytes. */
  push(piece: Buffer): Buffer[] {
    let rest = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    const messages: Buffer[] = [];
    for (let end = messageEnd(rest, 0); end !== undefined; end = messageEnd(rest, 0)) {
      messages.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#pending = rest;
    return messages;
  }
}

/** The first word of a request, lower case: `evalsha`. */
export function commandName(request: Buffer): string {
  const [, , name = ''] = request.subarray(0, 64).toString('latin1').split('\r\n');
  return name.toLowerCase();
}

/** True for what a server sends unasked (RESP3), which is no reply to any request. */
export function isPush(message: Buffer): boolean {
  return message[0] === 0x3e;
}

function messageEnd(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start, 'latin1');
  if (lineEnd < 0) return undefined;
  const afterLine = lineEnd + 2;
  const type = String.fromCodePoint(bytes[start] ?? 0);
  const size = Number(bytes.toString('latin1', start + 1, lineEnd));
  switch (type) {
    case '$':
    case '=':
    case '!': {
      if (size < 0) return afterLine;
      const end = afterLine + size + 2;
      return end <= bytes.length ? end : undefined;
    }
    case '*':
    case '~':
    case '>':
      return membersEnd(bytes, afterLine, size);
    case '%':
    case '|':
      return membersEnd(bytes, afterLine, size * 2);
    default:
      return afterLine;
  }
}

function membersEnd(bytes: Buffer, start: number, members: number): number | undefined {
  let end: number | undefined = start;
  for (let member = 0; member < members && end !== undefined; member++) end = messageEnd(bytes, end);
  return end;
}
