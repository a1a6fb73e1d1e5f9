import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for an address or a name that only this host can reach. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host).toLowerCase();
  if (name === 'localhost') return true;
  const version = isIP(name);
  return version !== 0 && loopback.check(name, version === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Whether a request may be for the host that it names. A page in a browser can have a name of its own point to the loopback
 * (DNS rebinding) and then read what is served there; its requests still carry that name. An address is nobody's to point
 * elsewhere, and browsers take names below `localhost` for the loopback themselves.
 */
export class AllowedHosts {
  readonly #isChecked: boolean;
  readonly #allowed: readonly string[];

  /**
   * @param host that the server is bound to; undefined for all
   * @param allowed names besides those of the loopback, without port; `*.example.com`, `*`
   */
  constructor(host: string | undefined, allowed: readonly string[]) {
    this.#allowed = allowed.map((name) => withoutBrackets(name).toLowerCase());
    this.#isChecked =
      !allowed.includes('*') && ((host !== undefined && isLoopback(host)) || allowed.length > 0);
  }

  /** @param header `Host` of the request; browsers always send it */
  allows(header: string | undefined): boolean {
    if (!this.#isChecked || header === undefined) return true;
    const name = withoutBrackets(hostOf(header));
    return (
      isIP(name) !== 0 ||
      ['localhost', ...this.#allowed].includes(name) ||
      ['*.localhost', ...this.#allowed].some((one) => one.startsWith('*.') && name.endsWith(one.slice(1)))
    );
  }
}

/** The host of `host:port`, in lower case and without the dot that may end a full name. */
export function hostOf(header: string): string {
  return header.trim().toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
