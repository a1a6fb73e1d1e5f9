import type { Writable } from 'node:stream';

/**
 * Writes a body whose pieces are recycled: the next one is asked for when the one before has been taken. Rejects when the
 * stream fails or is closed; the rendering ends then. Does not end the stream.
 */
export async function writeBody(body: AsyncIterable<Buffer>, stream: Writable): Promise<void> {
  for await (const piece of body) await taken(stream, piece);
}

function taken(stream: Writable, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // What a response holds back for a connection that closes is never called back.
    const closed = (): void => reject(new Error('The stream was closed.'));
    stream.once('close', closed);
    stream.write(piece, (error) => {
      stream.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}
