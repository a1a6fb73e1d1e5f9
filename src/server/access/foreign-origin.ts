import type { IncomingMessage } from 'node:http';

import { hostOf } from './allowed-hosts.js';

/** Whether a page of another origin asks. Browsers send `Origin` with every POST and across origins; other clients do not. */
export function isForeign({ headers: { origin, host = '' } }: IncomingMessage): boolean {
  if (origin === undefined) return false;
  return !URL.canParse(origin) || hostOf(new URL(origin).host) !== hostOf(host) || !sharesPort(origin, host);
}

function sharesPort(origin: string, host: string): boolean {
  const url = new URL(origin);
  const standard = url.protocol === 'https:' ? '443' : '80';
  return (url.port || standard) === (/:(\d+)$/.exec(host)?.[1] ?? standard);
}
