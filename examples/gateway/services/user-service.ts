import { Service } from './service.js';

interface User {
  readonly id: string;
  readonly name: string;
  balance: number;
}

interface Charge {
  readonly order: string;
  readonly user: string;
  readonly amount: number;
}

const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald'];

/** Users and their accounts. The last of them is poor. */
export function userService(): Service {
  const service = new Service('user');
  const users = new Map<string, User>(
    NAMES.map((name, index) => [
      String(index + 1),
      { id: String(index + 1), name, balance: name === 'Donald' ? 1 : 1e9 },
    ]),
  );
  const charges = new Map<string, Charge>();

  service.app.get('/users', (_request, reply) => {
    reply.header('cache-control', 'public, max-age=5');
    return [...users.values()].map(({ id, name }) => ({ id, name }));
  });
  service.app.get<{ Params: { id: string } }>('/users/:id', ({ params }, reply) => {
    const user = users.get(params.id);
    return user ?? reply.code(404).send({ error: 'no such user' });
  });

  service.effect('/charges', 'charge', (body: Charge) => {
    const user = users.get(body.user);
    if (user === undefined) return { status: 404, body: { error: 'no such user' } };
    if (user.balance < body.amount)
      return { status: 402, body: { error: `${user.name} has not got ${body.amount}` } };
    user.balance -= body.amount;
    charges.set(body.order, body);
    return { status: 201, body: { charge: `charge-${body.order}`, balance: user.balance } };
  });
  service.undo('/refunds', 'refund', 'charge', ({ order }: { order: string }) => {
    const charge = charges.get(order);
    const user = charge && users.get(charge.user);
    if (charge && user) user.balance += charge.amount;
    charges.delete(order);
  });
  return service;
}
