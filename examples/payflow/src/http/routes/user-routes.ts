import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

import type { User as UserView } from '../../users/user.js';
import { Nothing, UserPage } from '../answers.js';
import type { App } from '../app.js';
import { assertOwn, callerOf } from '../authenticate.js';
import { Problem } from '../problem.js';
import { CLOSED, Email, Id, Limit, Password, Role, SECURED, User, Username } from '../schemas.js';
import type { Services } from '../services.js';

const NewUser = Type.Object(
  { username: Username, email: Email, password: Password, role: Type.Optional(Role) },
  CLOSED,
);
const Change = Type.Object(
  {
    id: Id,
    username: Type.Optional(Username),
    email: Type.Optional(Email),
    password: Type.Optional(Password),
    role: Type.Optional(Role),
  },
  { ...CLOSED, minProperties: 2 },
);
const ById = Type.Object({ id: Id }, CLOSED);
const Query = Type.Object(
  { id: Type.Optional(Id), limit: Limit, after: Type.Integer({ minimum: 0, default: 0 }) },
  CLOSED,
);

export function userRoutes(app: App, services: Services): void {
  const { users } = services;
  const schema = { tags: ['users'], ...SECURED };

  app.post(
    '/api/users',
    { config: { access: 'optional' }, schema: { tags: ['users'], body: NewUser, response: { 201: User } } },
    async (request, reply) => {
      const { role = 'user', ...rest } = request.body;
      if (role === 'admin' && request.caller?.role !== 'admin')
        throw new Problem('forbidden', 'Only administrators make administrators.');
      const user = await users.create({ ...rest, role });
      return reply
        .status(201)
        .header('location', `/api/users/${user.id}`)
        .header('etag', etagOf(user))
        .send(user);
    },
  );

  app.get(
    '/api/users',
    {
      schema: {
        ...schema,
        querystring: Query,
        response: { 200: Type.Union([User, UserPage]), 304: Nothing },
      },
    },
    async (request, reply) => {
      const { id, limit, after } = request.query;
      if (id !== undefined) return answerUser(services, request, reply, id);
      if (callerOf(request).role !== 'admin')
        throw new Problem('forbidden', 'Only administrators see all users.');
      const items = await users.list(limit, after);
      if (items.length === limit)
        void reply.header(
          'link',
          `</api/users?limit=${limit}&after=${items.at(-1)?.id ?? after}>; rel="next"`,
        );
      return reply.send({ items: [...items] });
    },
  );

  app.get(
    '/api/users/:id',
    { schema: { ...schema, params: ById, response: { 200: User, 304: Nothing } } },
    async (request, reply) => answerUser(services, request, reply, request.params.id),
  );

  app.put(
    '/api/users',
    { schema: { ...schema, body: Change, response: { 200: User } } },
    async (request, reply) => {
      const { id, ...change } = request.body;
      assertOwn(request, id);
      if (change.role !== undefined && callerOf(request).role !== 'admin')
        throw new Problem('forbidden', 'Only administrators change roles.');
      const user = await users.update(id, change, versionOf(request.headers['if-match']));
      return reply.header('etag', etagOf(user)).send(user);
    },
  );

  app.delete(
    '/api/users',
    { schema: { ...schema, querystring: ById, response: { 204: Nothing } } },
    async (request, reply) => {
      assertOwn(request, request.query.id);
      await users.remove(request.query.id);
      return reply.status(204).send(null);
    },
  );
}

async function answerUser(
  { users }: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  id: number,
): Promise<FastifyReply> {
  assertOwn(request, id);
  const user = await users.find(id);
  if (user === undefined) throw new Problem('not-found', `There is no user ${id}.`);
  const etag = etagOf(user);
  void reply.header('etag', etag).header('cache-control', 'private, no-cache');
  if (request.headers['if-none-match'] === etag) return reply.status(304).send();
  return reply.send(user);
}

function etagOf({ version }: UserView): string {
  return `"${version}"`;
}

/** Of `If-Match`; undefined for any version. */
function versionOf(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined;
  const [, version] = /^"(\d{1,9})"$/.exec(header) ?? [];
  if (version === undefined) throw new Problem('changed-meanwhile', 'If-Match is not an ETag of this user.');
  return Number(version);
}
