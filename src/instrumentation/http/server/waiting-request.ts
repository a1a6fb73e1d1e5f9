import { pathOf } from '../path.js';

/** What takes less is measured as any other request, also if it was going to wait. */
export const LONG_WAIT_SECONDS = 1;

/** The long polls of Socket.IO, which its clients use until they have a WebSocket, and instead of one. */
const ENGINE_IO_POLL = /[?&]EIO=\d.*[?&]transport=polling|[?&]transport=polling.*[?&]EIO=\d/;

/**
 * A test for requests that are left open on purpose, of their target.
 *
 * @param isWaitingPath for the long polls of an application; gets a path without query
 */
export function createWaitingTest(
  isWaitingPath: (path: string) => boolean = () => false,
): (target: string) => boolean {
  return (target) => ENGINE_IO_POLL.test(target) || isWaitingPath(pathOf(target) ?? '');
}
