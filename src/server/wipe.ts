import type { IncomingMessage, ServerResponse } from 'node:http';

import { reason } from '../errors.js';
import type { AccessControl } from './access/access-control.js';
import { isForeign } from './access/foreign-origin.js';
import { hasBody } from './endpoint/request-shape.js';
import { type ProjectNames, refuseOtherProject } from './other-project.js';
import { plainResponse } from './plain-response.js';

export interface WipeOptions extends ProjectNames {
  readonly endpoint: { readonly access: AccessControl };
  /** Deletes all data of the project. */
  readonly wipe: () => Promise<void>;
}

/**
 * Answers `POST /wipe-metrics`: with the token for it, from no page of another site, and with JSON or nothing in its body, as
 * a form of another site could not send it.
 */
export async function answerWipe(
  request: IncomingMessage,
  response: ServerResponse,
  options: WipeOptions,
): Promise<void> {
  const { access } = options.endpoint;
  if (isForeign(request)) {
    access.refusals.note('origin', request.socket.remoteAddress);
    plainResponse(response, 403, 'A page of another origin may not ask for this.\n', CLOSING);
    return;
  }
  if (!(await access.admitToWipe(request, response))) return;
  if (hasBody(request) && !/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    plainResponse(response, 415, 'Send no body, or one with Content-Type: application/json.\n', CLOSING);
    return;
  }
  if (refuseOtherProject(request, response, options)) return;
  try {
    await options.wipe();
    plainResponse(response, 200, `All metrics of "${options.prefix}" are deleted.\n`);
  } catch (error) {
    plainResponse(response, 503, `${reason(error)}\n`);
  }
}

/** A body that was not read may be the beginning of another request. */
const CLOSING = { Connection: 'close' } as const;
