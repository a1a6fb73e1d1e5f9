import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whose word about the client is believed, and what is told to a service about it. */
export class Forwarding {
  readonly #trusted = new BlockList();
  readonly #publicUrl: URL | undefined;

  /** @param proxies addresses and networks @param publicUrl '' if it is not known */
  constructor(proxies: readonly string[], publicUrl: string) {
    for (const proxy of proxies) {
      const [address = '', bits] = proxy.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
    this.#publicUrl = publicUrl === '' ? undefined : new URL(publicUrl);
  }

  /** The address nearest to us that is no trusted proxy. */
  clientAddress(request: IncomingMessage): string {
    const chain = [...forwardedFor(request), addressOf(request)];
    for (let place = chain.length - 1; place > 0; place -= 1) {
      const address = chain[place] ?? '';
      if (!this.#isTrusted(address)) return address;
    }
    return chain[0] ?? '';
  }

  /** `X-Forwarded-*`: extended if a trusted proxy sent them, else written anew. */
  headers(request: IncomingMessage): Record<string, string> {
    const peer = addressOf(request);
    const trusted = this.#isTrusted(peer);
    const isTls = 'encrypted' in request.socket;
    const chain = trusted ? [...forwardedFor(request), peer] : [peer];
    const { headers } = request;
    const given = (name: string): string | undefined => (trusted ? text(headers[name]) : undefined);
    return {
      'x-forwarded-for': chain.join(', '),
      'x-forwarded-proto':
        given('x-forwarded-proto') ?? this.#publicUrl?.protocol.slice(0, -1) ?? (isTls ? 'https' : 'http'),
      'x-forwarded-host': given('x-forwarded-host') ?? this.#publicUrl?.host ?? headers.host ?? '',
    };
  }

  /** The address at which the client reaches the gateway. */
  publicOrigin(request: IncomingMessage): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl.href.replace(/\/$/, '');
    const headers = this.headers(request);
    return `${headers['x-forwarded-proto']}://${headers['x-forwarded-host']}`;
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function forwardedFor({ headers }: IncomingMessage): string[] {
  const items = text(headers['x-forwarded-for'])?.split(',') ?? [];
  return items.map((item) => item.trim()).filter((item) => isIP(item) !== 0);
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
