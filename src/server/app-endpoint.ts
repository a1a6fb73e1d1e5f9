import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Answers one path on every HTTP server of the application, before the application sees the request; everything else
 * passes untouched. A server's `request` event is where all frameworks meet, and none of them knows of it.
 *
 * @param isOwnServer servers that have an endpoint of their own
 * @returns ends it
 */
export function serveOnApplication(
  path: string,
  handler: Handler,
  isOwnServer: (server: object) => boolean,
): () => void {
  const undo = [HttpServer, HttpsServer].map(({ prototype }) => {
    const before = Object.getOwnPropertyDescriptor(prototype, 'emit');
    const emit = prototype.emit;
    function emitUnlessOurs(this: object, event: string, ...args: unknown[]): boolean {
      if (event === 'request' && isMetricsRequest(args[0], path) && !isOwnServer(this)) {
        handler(args[0] as IncomingMessage, args[1] as ServerResponse);
        return true;
      }
      return Reflect.apply(emit, this, [event, ...args]) as boolean;
    }
    Object.defineProperty(prototype, 'emit', { configurable: true, writable: true, value: emitUnlessOurs });
    return () => {
      // Who patched after us still calls us; then this stays, and passes everything on.
      if (prototype.emit !== (emitUnlessOurs as typeof emit)) return;
      if (before === undefined) Reflect.deleteProperty(prototype, 'emit');
      else Object.defineProperty(prototype, 'emit', before);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}

function isMetricsRequest(request: unknown, path: string): boolean {
  const { url, method } = request as IncomingMessage;
  if (url === undefined || !url.startsWith(path) || (method !== 'GET' && method !== 'HEAD')) return false;
  return url.length === path.length || url[path.length] === '?';
}
