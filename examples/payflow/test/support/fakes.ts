import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { after } from 'node:test';

const ends: Array<() => void> = [];
// Within a test, `after` would belong to that.
after(() => ends.forEach((end) => end()));

/** Ends with the tests, whatever they did to it. */
function own(server: Server | TcpServer, sockets: Set<Socket>): void {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

async function listening(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Accepts connections and never says a word, or does what `onConnection` says. */
export async function silentServer(onConnection?: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer(onConnection);
  own(server, new Set());
  return listening(server);
}

/** An external service whose behaviour a test sets. */
export interface FakeService {
  readonly url: string;
  status: number;
  approved: boolean;
  delayMs: number;
  readonly paths: string[];
  /** From here on answers wait until the function that it returns is called. */
  readonly hold: () => () => void;
}

export async function fakeService(): Promise<FakeService> {
  let held: Promise<void> = Promise.resolve();
  const state = {
    url: '',
    status: 200,
    approved: true,
    delayMs: 0,
    paths: [] as string[],
    hold: (): (() => void) => {
      const { promise, release } = barrier();
      held = promise;
      return release;
    },
  };
  const server = createHttpServer((request, response) => {
    state.paths.push(request.url ?? '');
    request.resume();
    const answer = JSON.stringify({ approved: state.approved });
    const send = (): unknown =>
      response.writeHead(state.status, { 'content-type': 'application/json' }).end(answer);
    void held.then(() => setTimeout(send, state.delayMs).unref());
  });
  own(server, new Set());
  state.url = `http://127.0.0.1:${await listening(server)}`;
  return state;
}

function barrier(): { readonly promise: Promise<void>; readonly release: () => void } {
  let release = (): void => undefined;
  const promise = new Promise<void>((resolve) => (release = resolve));
  return { promise, release };
}
