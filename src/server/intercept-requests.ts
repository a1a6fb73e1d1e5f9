import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';

/** Returns true if it answers the request; the application does not see it then. */
export type TakeRequest = (server: object, request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Offers every request of every HTTP server of the process to `take` before the application sees it. It wraps the `request`
 * event of servers, which all frameworks use; servers that exist already are included.
 *
 * @returns a function that ends it
 */
export function interceptRequests(take: TakeRequest): () => void {
  const undo = [HttpServer, HttpsServer].map(({ prototype }) => {
    const before = Object.getOwnPropertyDescriptor(prototype, 'emit');
    const emit = prototype.emit;
    function emitUnlessTaken(this: object, event: string, ...args: unknown[]): boolean {
      if (event === 'request' && take(this, args[0] as IncomingMessage, args[1] as ServerResponse))
        return true;
      return Reflect.apply(emit, this, [event, ...args]) as boolean;
    }
    Object.defineProperty(prototype, 'emit', { configurable: true, writable: true, value: emitUnlessTaken });
    return () => {
      // A later patch still calls this one; then it stays, and passes everything on.
      if (prototype.emit !== (emitUnlessTaken as typeof emit)) return;
      if (before === undefined) Reflect.deleteProperty(prototype, 'emit');
      else Object.defineProperty(prototype, 'emit', before);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}
