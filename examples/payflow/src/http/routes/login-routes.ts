import { Type } from 'typebox';

import type { App } from '../app.js';
import { callerOf } from '../authenticate.js';
import { Problem } from '../problem.js';
import { CLOSED, IssuedKey, SECURED } from '../schemas.js';
import type { Services } from '../services.js';

// A wrong name is no other answer than a wrong password, so the body only bounds what is hashed.
const Login = Type.Object(
  {
    username: Type.String({ minLength: 1, maxLength: 50 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
  },
  CLOSED,
);

export function loginRoutes(app: App, { keys }: Services): void {
  app.post(
    '/api/login',
    { config: { access: 'public' }, schema: { tags: ['users'], body: Login, response: { 200: IssuedKey } } },
    async (request, reply) => {
      const { username, password } = request.body;
      const issued = await keys.login(username, password);
      if (issued === undefined) throw new Problem('wrong-credentials', 'Username or password is wrong.');
      void reply.header('cache-control', 'no-store');
      return issued;
    },
  );

  app.post(
    '/api/users/api-key',
    { schema: { tags: ['users'], ...SECURED, response: { 200: IssuedKey } } },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return keys.renew(callerOf(request), String(request.headers['x-api-key']));
    },
  );
}
