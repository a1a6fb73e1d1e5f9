import { randomBytes } from 'node:crypto';

import { hashOfKey } from './auth/api-keys.js';

// Prints a new API key, which only its owner keeps, and what the configuration has of it.
const key = randomBytes(32).toString('base64url');
process.stdout.write(`key     ${key}\nsha256  ${hashOfKey(key).toString('hex')}\n`);
