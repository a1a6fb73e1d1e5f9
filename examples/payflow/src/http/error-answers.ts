import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

import {
  isConflict,
  isLockTimeout,
  isUnavailable,
  OutcomeUnknownError,
} from '../database/database-errors.js';
import type { App } from './app.js';
import { Problem, problemDetails, type ProblemCode } from './problem.js';
import type { Services } from './services.js';

/** Every error is answered as problem details, and never with more than its own words. */
export function answerErrors(app: App, services: Services): void {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = problemOf(error, request);
    if (problem.code === 'no-writes') services.fallbacks.record('refused_write');
    if (problem.code === 'internal') request.log.error({ err: error }, 'a request failed');
    else request.log.debug({ err: error }, problem.code);
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      request,
      reply,
      new Problem('not-found', `There is no ${request.method} ${pathOf(request)}.`),
    ),
  );
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', problem.retryAfterSeconds);
  if (problem.code === 'unauthenticated') void reply.header('www-authenticate', 'ApiKey realm="payflow"');
  const details = problemDetails(problem.code, problem.message, pathOf(request));
  return reply
    .status(problem.status)
    .type('application/problem+json')
    .serializer((text: string) => text)
    .send(JSON.stringify(details));
}

const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid-request',
  404: 'not-found',
  413: 'too-large',
  415: 'unsupported-media-type',
};

function problemOf(error: FastifyError | Problem, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  const cause = { cause: error };
  if (error.validation !== undefined) return new Problem('invalid-request', `${error.message}.`, cause);
  if (error instanceof OutcomeUnknownError)
    return new Problem(
      'outcome-unknown',
      'The database went away while it answered. Send the same request with the same Idempotency-Key again.',
      cause,
    );
  if (isUnavailable(error))
    return request.method === 'GET'
      ? new Problem('unavailable', 'No database answers. Try again later.', cause)
      : new Problem(
          'no-writes',
          'The primary database does not answer. Nothing was written. Try again later.',
          cause,
        );
  if (isConflict(error) || isLockTimeout(error))
    return new Problem('too-busy', 'Too many requests change this account. Try again.', cause);
  const code = BY_STATUS[error.statusCode ?? 500];
  return code === undefined
    ? new Problem('internal', 'This was logged.', cause)
    : new Problem(code, error.message, cause);
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
