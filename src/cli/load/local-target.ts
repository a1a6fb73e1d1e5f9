import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

import { reason } from '../../errors.js';
import { CommandError } from '../exit-codes.js';

/**
 * The URL, if it is one of this machine: a demo load that goes anywhere else is an attack. Every address that its name has must
 * be one of this machine's own.
 *
 * @throws CommandError `usage` for any other
 */
export async function localTarget(text: string): Promise<URL> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CommandError('usage', `${JSON.stringify(text)} is no URL: http://127.0.0.1:3000/ is one.`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await addressesOf(host);
  const foreign = addresses.find((address) => !isOwn(address));
  if (foreign !== undefined)
    throw new CommandError(
      'usage',
      `${host} is ${foreign}, which is not this machine. The demo load only goes to this machine.`,
    );
  return url;
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new CommandError('usage', `${host} is no host that is known here: ${reason(error)}.`);
  }
}

function isOwn(address: string): boolean {
  if (address.startsWith('127.') || address === '::1') return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address));
}
