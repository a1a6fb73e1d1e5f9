import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

export const GRPC_OK = 0;
const CANCELLED = 1;
const UNKNOWN = 2;

/** A request of gRPC (`application/grpc`, `application/grpc+proto`), by the content type that its protocol demands. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/grpc') === true;
}

/**
 * The status of a call of gRPC. It is in the trailers, or in the headers of a response that has no message; `:status` is 200
 * whatever happened.
 *
 * @param failed the stream ended before its response did
 */
export function grpcStatusOf(
  headers: OutgoingHttpHeaders | undefined,
  trailers: OutgoingHttpHeaders | undefined,
  failed: boolean,
): number {
  const text = trailers?.['grpc-status'] ?? headers?.['grpc-status'];
  const status = text === undefined ? Number.NaN : Number(text);
  if (Number.isInteger(status)) return status;
  return failed ? CANCELLED : UNKNOWN;
}
