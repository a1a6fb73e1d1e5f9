import { connect } from 'node:net';

/** Sends bytes as they are, and answers what comes until the other side ends, or is silent for a moment. */
export async function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (piece) => {
      received += piece.toString();
      socket.setTimeout(1500);
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('close', () => resolve(received));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(received);
      else reject(error);
    });
  });
}
