import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import { once } from 'node:events';

import { reason } from '../../../errors.js';

/** What a scrape got; without a status nobody answered, and the text says why. */
export interface ScrapeAnswer {
  readonly status: number | undefined;
  readonly body: string;
}

const SCRAPE_MS = 10_000;

/** The rest of an exposition says nothing about the endpoint. */
const MAX_BODY = 10_000;

/**
 * Scrapes an endpoint of this host as Prometheus would.
 *
 * @param certificate the file that the server has, for TLS: it and no other is trusted, whatever host it was made for
 */
export async function scrape(
  url: string,
  token: string | undefined,
  certificate: string | undefined,
): Promise<ScrapeAnswer> {
  try {
    const options: RequestOptions = {
      agent: false,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(SCRAPE_MS),
    };
    const asked =
      certificate === undefined
        ? plainRequest(url, options)
        : tlsRequest(url, {
            ...options,
            ca: readFileSync(certificate),
            allowPartialTrustChain: true,
            checkServerIdentity: () => undefined,
          });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let body = '';
    for await (const piece of response) if (body.length < MAX_BODY) body += String(piece);
    return { status: response.statusCode, body };
  } catch (error) {
    return { status: undefined, body: reason(error) };
  }
}
