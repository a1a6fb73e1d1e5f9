import { Service } from './service.js';

interface Item {
  readonly sku: string;
  readonly quantity: number;
}

interface Reservation {
  readonly order: string;
  readonly items: readonly Item[];
}

/** Stock and orders. */
export function orderService(): Service {
  const service = new Service('order');
  const stock = new Map([
    ['apple', 1_000_000],
    ['pear', 1_000_000],
    ['melon', 0],
  ]);
  const reservations = new Map<string, Reservation>();
  const orders = new Map<string, { readonly id: string; status: string }>();

  service.app.get('/stock', () => Object.fromEntries(stock));
  service.app.get('/orders', () => [...orders.values()].slice(-50));
  service.app.get<{ Params: { id: string } }>('/orders/:id', ({ params }, reply) => {
    return orders.get(params.id) ?? reply.code(404).send({ error: 'no such order' });
  });

  service.effect('/reservations', 'reserve', (body: Reservation) => {
    const missing = body.items.find(({ sku, quantity }) => (stock.get(sku) ?? 0) < quantity);
    if (missing !== undefined) return { status: 409, body: { error: `${missing.sku} is out of stock` } };
    for (const { sku, quantity } of body.items) stock.set(sku, (stock.get(sku) ?? 0) - quantity);
    reservations.set(body.order, body);
    return { status: 201, body: { reservation: `reservation-${body.order}` } };
  });
  service.undo('/releases', 'release', 'reserve', ({ order }: { order: string }) => {
    for (const { sku, quantity } of reservations.get(order)?.items ?? [])
      stock.set(sku, (stock.get(sku) ?? 0) + quantity);
    reservations.delete(order);
  });

  service.effect('/confirmations', 'confirm', ({ order }: { order: string }) => {
    orders.set(order, { id: order, status: 'confirmed' });
    return { status: 201, body: { order, status: 'confirmed' } };
  });
  service.undo('/cancellations', 'cancel', 'confirm', ({ order }: { order: string }) => {
    orders.set(order, { id: order, status: 'cancelled' });
  });
  return service;
}
