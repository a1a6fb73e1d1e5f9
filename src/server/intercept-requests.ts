import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';

/** True: the request is taken, and the application never hears of it. */
export type TakeRequest = (server: object, request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Stands between every HTTP server of the process and the application. A server's `request` event is where all frameworks
 * meet, and none of them knows of it; servers that exist already are included.
 *
 * @returns ends it
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
      // Who patched after us still calls us; then this stays, and passes everything on.
      if (prototype.emit !== (emitUnlessTaken as typeof emit)) return;
      if (before === undefined) Reflect.deleteProperty(prototype, 'emit');
      else Object.defineProperty(prototype, 'emit', before);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}
