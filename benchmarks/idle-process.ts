/**
 * A process that does nothing, of `idle.ts`: a server that is not asked, or asked now and then. Tells when it listens, and on the
 * message `delay` by how much its event loop was held at most since the last such message.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds between two looks at the clock. */
const LOOK_MS = 2;

let longest = 0;
let last = performance.now();
/** Only where it is asked for: looking costs more than all else that an idle process does. */
if (process.env['WATCH'] !== undefined)
  setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - LOOK_MS);
    last = now;
  }, LOOK_MS).unref();

const server = createServer((_request, response) => void response.end('{"ok":true}'));
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', () => {
  process.send?.(longest);
  longest = 0;
});
