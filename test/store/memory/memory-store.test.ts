import { createMemoryStore, MemoryBackend } from '../../../src/store/memory/memory-store.js';
import { storeContract } from '../../contract/store-contract.js';

storeContract('memory', () => {
  let skippedMs = 1_700_000_000_000;
  // Time goes on by itself, too: ages of values are measured.
  const backend = new MemoryBackend(() => skippedMs + performance.now());
  return {
    open: (context) => createMemoryStore(context, backend),
    lose: async () => backend.clear(),
    advance: (ms) => {
      skippedMs += ms;
    },
    close: async () => undefined,
  };
});
