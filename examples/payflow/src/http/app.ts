import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifySchema,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';

import { ProblemAnswer } from './answers.js';
import { authenticate } from './authenticate.js';
import { answerErrors } from './error-answers.js';
import { parseJsonBodies } from './json-body.js';
import { balanceRoutes } from './routes/balance-routes.js';
import { cacheRoutes } from './routes/cache-routes.js';
import { healthRoutes } from './routes/health-routes.js';
import { loginRoutes } from './routes/login-routes.js';
import { transactionRoutes } from './routes/transaction-routes.js';
import { userRoutes } from './routes/user-routes.js';
import type { Services } from './services.js';
import { validatorFor } from './validator.js';

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface AppOptions {
  readonly services: Services;
  readonly logLevel: string;
}

/** A batch of a thousand items fits. */
const BODY_LIMIT = 512 * 1024;

/** The HTTP side of the service, not listening yet. */
export async function createApp({ services, logLevel }: AppOptions): Promise<App> {
  const app = Fastify({
    logger: {
      level: logLevel,
      redact: ['req.headers["x-api-key"]', 'req.headers.authorization'],
      base: { instance: services.instance },
    },
    // One line for each request is nginx's work.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    trustProxy: 'loopback,uniquelocal',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 64 },
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  await app.register(swagger, {
    openapi: {
      info: { title: 'PayFlow', version: '1.0.0', description: 'A highly available payment service.' },
      components: { securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-API-Key' } } },
    },
    transform: ({ schema, url }) => ({ schema: withProblems(schema), url }),
  });
  app.setValidatorCompiler(validatorFor);
  parseJsonBodies(app);
  answerErrors(app, services);
  authenticate(app, services);
  measureRequests(app, services);
  closeConnections(app, services);
  healthRoutes(app, services);
  loginRoutes(app, services);
  userRoutes(app, services);
  balanceRoutes(app, services);
  transactionRoutes(app, services);
  cacheRoutes(app, services);
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
  return app;
}

/** In the description only: problems have a serializer of their own. */
function withProblems(schema: FastifySchema): FastifySchema {
  const problem = {
    description: 'What went wrong, as problem details (RFC 9457).',
    content: { 'application/problem+json': { schema: ProblemAnswer } },
  };
  return { ...schema, response: { ...(schema.response as object), '4xx': problem, '5xx': problem } };
}

/** Before the end, so that nginx has no connection left on which it could send a payment while it is being closed. */
function closeConnections(app: App, { lifecycle }: Services): void {
  app.addHook('onSend', async (_request, reply) => {
    if (lifecycle.ending) void reply.header('connection', 'close');
  });
}

/** By the pattern of the route, not by the address: addresses are without number. Probes are not requests of anybody. */
function measureRequests(app: App, services: Services): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? '';
    if (route.startsWith('/health')) return;
    services.onRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
  });
}
