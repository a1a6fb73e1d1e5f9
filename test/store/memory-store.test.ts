import { createMemoryStore, MemoryBackend } from '../../src/store/memory-store.js';
import { storeContract } from './contract.js';

storeContract('memory', () => {
  let nowMs = 1_700_000_000_000;
  const backend = new MemoryBackend(() => nowMs);
  return {
    open: (context) => createMemoryStore(context, backend),
    lose: async () => backend.clear(),
    advance: (ms) => {
      nowMs += ms;
    },
    close: async () => undefined,
  };
});
