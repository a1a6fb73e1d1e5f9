/** 64 KiB: a socket's usual buffer, about 0.1 ms of rendering. */
export const PIECE_BYTES = 65_536;

const ZERO = 48;

/**
 * Writes a scrape as bytes. Copying label text that is already encoded and digits that never become strings is 4 to 6
 * times faster than concatenating strings and encoding the result (1.2 ms against 4 to 7 ms for 1,000 histograms).
 * Every write must be covered by an earlier {@link reserve}.
 */
export class ByteWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #position = 0;
  #full: Buffer[] = [];
  readonly #spare: Buffer[] = [];

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.#buffer.length - this.#position < bytes) this.#cut(Math.max(bytes, PIECE_BYTES));
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Any number of bytes, in as many pieces as they need; reserves by itself. */
  copy(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const part = bytes.subarray(start, start + PIECE_BYTES);
      this.reserve(part.length);
      this.bytes(part);
    }
  }

  byte(byte: number): void {
    this.#buffer[this.#position] = byte;
    this.#position += 1;
  }

  /** ASCII only. */
  ascii(text: string): void {
    this.#position += this.#buffer.write(text, this.#position, 'latin1');
  }

  /** Room for any number: 24 bytes. */
  number(value: number): void {
    if (value >= 0 && value < 1e15 && Math.floor(value) === value) this.#digits(value);
    else this.ascii(numberText(value));
  }

  /** Encoded text whose length is not known beforehand; reserves by itself. */
  text(text: string): void {
    // UTF-8 needs at most three bytes for one UTF-16 unit.
    this.reserve(text.length * 3);
    this.#position += this.#buffer.write(text, this.#position, 'utf8');
  }

  get hasPieces(): boolean {
    return this.#full.length > 0;
  }

  /** The pieces that are complete. */
  take(): Buffer[] {
    const pieces = this.#full;
    this.#full = [];
    return pieces;
  }

  /** All pieces, the last one however short. */
  takeAll(): Buffer[] {
    this.#cut(0);
    return this.take();
  }

  /** Takes a piece back that will not be read again, to write the next one into it. */
  recycle(piece: Buffer): void {
    if (piece.buffer.byteLength === PIECE_BYTES) this.#spare.push(Buffer.from(piece.buffer));
  }

  #cut(next: number): void {
    if (this.#position > 0) this.#full.push(this.#buffer.subarray(0, this.#position));
    const spare = next <= PIECE_BYTES ? this.#spare.pop() : undefined;
    this.#buffer = spare ?? Buffer.allocUnsafeSlow(next);
    this.#position = 0;
  }

  #digits(value: number): void {
    let end = this.#position + 1;
    for (let limit = 10; value >= limit; limit *= 10) end += 1;
    this.#position = end;
    let rest = value;
    do {
      const quotient = Math.floor(rest / 10);
      end -= 1;
      this.#buffer[end] = ZERO + rest - quotient * 10;
      rest = quotient;
    } while (rest > 0);
  }
}

/** A sample value in every text format: JavaScript's text of a number reads back as the same double everywhere. */
export function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}
