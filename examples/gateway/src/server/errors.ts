import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { Problem, type ProblemBody } from './problem.js';

/**
 * Every error is answered as RFC 9457 has it. The inside of the gateway is shown with APP_DEBUG only; the log has it always.
 */
export function answerErrors(app: FastifyInstance, debug: boolean): void {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      request.log.error({ err: error, cause: error.cause, code: problem.code }, 'request failed');
    return send(request, reply, problem, debug && problem.status >= 500 ? error : undefined);
  });
  app.setNotFoundHandler((request, reply) =>
    send(request, reply, new Problem(404, 'no_route', 'No route has this path.')),
  );
}

function problemOf(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  const { statusCode = 500 } = error;
  // What Fastify says of a request is for the client: a body that is no JSON, a parameter that is not allowed.
  if (statusCode < 500) return new Problem(statusCode, 'bad_request', error.message);
  if (
    /^(?:ECONN|57P|08|ETIMEDOUT)/.test(error.code) ||
    /timeout exceeded|Connection terminated/.test(error.message)
  )
    return new Problem(503, 'database_unavailable', 'The database does not answer.', {
      headers: { 'retry-after': '1' },
    });
  return new Problem(500, 'error', 'Internal error.');
}

function send(request: FastifyRequest, reply: FastifyReply, problem: Problem, shown?: Error): FastifyReply {
  const detail = shown !== undefined && shown !== problem ? shown.message : problem.message;
  const cause =
    shown?.cause instanceof Error ? `${shown.stack}\ncaused by ${shown.cause.stack}` : shown?.stack;
  const body: ProblemBody = {
    type: 'about:blank',
    title: problem.code.replaceAll('_', ' '),
    status: problem.status,
    code: problem.code,
    detail,
    requestId: request.id,
    ...(cause !== undefined && { stack: cause }),
  };
  return reply.code(problem.status).headers(problem.headers).type('application/problem+json').send(body);
}
