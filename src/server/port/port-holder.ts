import { connect } from 'node:net';

import { withoutSpans } from '../../own-traffic/own-traffic.js';

/** Tells the processes of one project from those of another on the same port. */
export const PROJECT_HEADER = 'x-orchestrator-project';
/** Process id, and store (percent-encoded), of the process that answers; sent to processes of the same host. */
export const PROCESS_HEADER = 'x-orchestrator-process';
export const STORE_HEADER = 'x-orchestrator-store';

/** The path that is asked: cheap for every version of this package, and harmless for other programs. */
const ASKED_PATH = '/healthz';
const MAX_HEAD_BYTES = 8192;

/** Who listens on a port. */
export type PortHolder =
  | { readonly kind: 'same project'; readonly pid: string | undefined; readonly store: string | undefined }
  | { readonly kind: 'other project'; readonly project: string }
  | { readonly kind: 'other program' };

export interface PortQuestion {
  readonly host: string;
  readonly port: number;
  /** The prefix of the project that asks. */
  readonly project: string;
  /** Called once at most. Another program's connection is closed then; that of a process of the same project stays open. */
  readonly answered: (holder: PortHolder) => void;
  /** The connection has ended: so has the holder, or it closes idle connections. Not called after the question was withdrawn. */
  readonly closed: () => void;
}

/**
 * Asks the process that listens on a port for its project, and stays connected: the end of the connection is the news that
 * the port may be free, so that a process that waits for it needs no timer. A slow process is waited for without a limit.
 * The connection does not keep the process alive. It is not an HTTP client's: those may be patched by the application.
 *
 * @returns withdraws the question
 */
export function askPortHolder(question: PortQuestion): () => void {
  const { project, answered, closed } = question;
  const host = reachable(question.host);
  const socket = withoutSpans(() => connect({ host, port: question.port }));
  socket.unref();
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    socket.write(`GET ${ASKED_PATH} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n\r\n`);
  });
  // An error is followed by `close`.
  socket.on('error', () => undefined);
  socket.on('close', closed);
  let head = '';
  const read = (text: string): void => {
    head += text;
    const holder = holderOf(head, project);
    if (holder === undefined) return;
    socket.off('data', read);
    socket.resume();
    answered(holder);
  };
  socket.on('data', read);
  return () => {
    socket.off('close', closed);
    socket.destroy();
  };
}

/** Undefined while the head of the answer is incomplete. */
function holderOf(head: string, project: string): PortHolder | undefined {
  const status = 'HTTP/1.';
  if (!head.startsWith(status.slice(0, head.length))) return { kind: 'other program' };
  const end = head.indexOf('\r\n\r\n');
  if (end === -1) return head.length > MAX_HEAD_BYTES ? { kind: 'other program' } : undefined;
  const headers = new Map<string, string>();
  for (const line of head.slice(0, end).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const owner = headers.get(PROJECT_HEADER);
  if (owner === undefined) return { kind: 'other program' };
  if (owner !== project) return { kind: 'other project', project: owner };
  return {
    kind: 'same project',
    pid: headers.get(PROCESS_HEADER),
    store: decoded(headers.get(STORE_HEADER)),
  };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** An address that stands for all of the host is reached at its loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
