import { createMemoryStore, MemoryBackend } from '../../../src/store/memory/memory-store.js';
import { storeContract } from '../../contract/store-contract.js';

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
