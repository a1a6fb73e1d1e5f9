import { createGzip, type Gzip } from 'node:zlib';

/** 7 ms instead of 24 at level 6 for an exposition of 5.5 MB, which becomes 16 % larger; off the main thread either way. */
const LEVEL = 1;

/**
 * A body as gzip. Its pieces may be recycled: the next one is asked for when the one before has been compressed. Rendering
 * begins when it is read, and ends when the reader stops.
 */
export async function* gzipBody(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const gzip = createGzip({ level: LEVEL });
  // An error destroys the stream, and its reader is told.
  feed(gzip, body).then(
    () => gzip.end(),
    (error: Error) => gzip.destroy(error),
  );
  yield* gzip;
}

async function feed(gzip: Gzip, body: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of body) await compressed(gzip, piece);
}

function compressed(gzip: Gzip, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // A stream that is destroyed need not call back for the writes that wait in it.
    const closed = (): void => reject(new Error('The reader has left.'));
    gzip.once('close', closed);
    gzip.write(piece, (error) => {
      gzip.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}
