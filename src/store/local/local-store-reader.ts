import type { StoreReader, StoreReaderContext } from '../store-reader.js';

export function createLocalStoreReader(
  _context: StoreReaderContext,
  _directory: string | undefined,
): StoreReader {
  throw new Error('not yet');
}
