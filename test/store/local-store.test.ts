import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createLocalStore } from '../../src/store/local-store.js';
import { storeContract } from './contract.js';

storeContract('local', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'local-store-'));
  return {
    open: (context) => createLocalStore(context, { directory }),
    lose: () => rm(directory, { recursive: true }),
    close: () => rm(directory, { recursive: true, force: true }),
  };
});
