import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that are being answered. Scrapes among them share their work, so that this bounds memory rather than time. */
const MAX_IN_FLIGHT = 512;

/** Of one connection: a scraper has one. */
const MAX_OF_CONNECTION = 8;

/** Counts the requests that are being answered. */
export class RequestsInFlight {
  readonly #ofConnection = new WeakMap<Socket, number>();
  #count = 0;

  /** True if the request is one too many. Else it counts until its response, or its connection, closes. */
  isTooMany({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const ofConnection = this.#ofConnection.get(socket) ?? 0;
    if (this.#count >= MAX_IN_FLIGHT || ofConnection >= MAX_OF_CONNECTION) return true;
    this.#add(socket, 1);
    let counted = true;
    const end = (): void => {
      if (!counted) return;
      counted = false;
      socket.off('close', end);
      this.#add(socket, -1);
    };
    response.once('close', end);
    // A response that waits behind another one hears nothing of the end of its connection.
    socket.once('close', end);
    return false;
  }

  #add(socket: Socket, change: number): void {
    this.#count += change;
    this.#ofConnection.set(socket, (this.#ofConnection.get(socket) ?? 0) + change);
  }
}
