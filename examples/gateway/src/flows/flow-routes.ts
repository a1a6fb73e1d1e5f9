import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { context, propagation } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Forwarding } from '../proxy/forwarding.js';
import { Problem } from '../server/problem.js';
import type { Runtime } from '../server/runtime.js';
import { checkPayload } from './check-payload.js';
import type { Flow, FlowStore } from './flow-store.js';
import type { FlowWorker } from './flow-worker.js';
import type { StepJournal } from './step-journal.js';

export interface FlowRouteDependencies {
  readonly runtime: () => Runtime;
  readonly store: FlowStore;
  readonly journal: StepJournal;
  readonly worker: FlowWorker;
  readonly forwarding: Forwarding;
  /** Asynchronous flows go through RabbitMQ. */
  readonly queued: boolean;
}

interface Orchestrate {
  readonly action: string;
  readonly payload?: unknown;
}

const BODY = {
  type: 'object',
  required: ['action'],
  additionalProperties: false,
  properties: { action: { type: 'string' }, payload: {} },
};
const STATUSES = ['pending', 'running', 'compensating', 'completed', 'compensated', 'cancelled'];
const LIST_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    status: { enum: STATUSES },
    action: { type: 'string' },
    before: { type: 'string', format: 'uuid' },
    limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
  },
};
const ID = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } };

/** `POST /orchestrate` and what shows and cancels its flows. */
export function flowRoutes(app: FastifyInstance, dependencies: FlowRouteDependencies): void {
  const { store, journal } = dependencies;

  app.post<{ Body: Orchestrate }>('/orchestrate', { schema: { body: BODY } }, (request, reply) =>
    start(request, reply, dependencies),
  );

  app.get<{ Querystring: { status?: string; action?: string; before?: string; limit: number } }>(
    '/orchestrate',
    { schema: { querystring: LIST_QUERY } },
    async ({ query }) => ({ flows: (await store.list(query)).map(summaryOf) }),
  );

  app.get<{ Params: { id: string } }>('/orchestrate/:id', { schema: { params: ID } }, async ({ params }) => {
    const flow = await store.get(params.id);
    if (flow === undefined) throw new Problem(404, 'no_flow', 'No flow has this id.');
    const steps = await journal.read(flow.id);
    return {
      ...summaryOf(flow),
      steps: steps.map(({ step, status, error, attempts, startedAt, finishedAt }) => ({
        step,
        status,
        error,
        attempts,
        startedAt,
        finishedAt,
      })),
    };
  });

  app.post<{ Params: { id: string } }>(
    '/orchestrate/:id/cancel',
    { schema: { params: ID } },
    async ({ params }, reply) => {
      if (await store.cancel(params.id))
        return reply.code(202).send({ id: params.id, cancelRequested: true });
      if ((await store.get(params.id)) === undefined)
        throw new Problem(404, 'no_flow', 'No flow has this id.');
      throw new Problem(409, 'flow_ended', 'The flow has ended.');
    },
  );
}

async function start(
  request: FastifyRequest<{ Body: Orchestrate }>,
  reply: FastifyReply,
  dependencies: FlowRouteDependencies,
): Promise<FastifyReply> {
  const { runtime, store, worker } = dependencies;
  const { action, payload = {} } = request.body;
  const { flows } = runtime().config;
  const definition = flows.get(action);
  if (definition === undefined)
    throw new Problem(
      404,
      'no_action',
      `There is no action "${action}": there are ${[...flows.keys()].join(', ') || 'none'}.`,
    );
  checkPayload(definition, payload);
  const inBackground = /\brespond-async\b/.test(String(request.headers.prefer ?? ''));
  if (!inBackground && worker.isFull)
    throw new Problem(503, 'busy', 'Too many flows are under way.', { headers: { 'retry-after': '1' } });
  const key = request.headers['idempotency-key'];
  const { flow, created } = await store.create({
    id: randomUUID(),
    definition,
    payload,
    idempotencyKey: typeof key === 'string' && key !== '' ? key.slice(0, 200) : undefined,
    owner: inBackground ? undefined : worker.owner,
    queued: inBackground && dependencies.queued,
    traceparent: traceparentOf(request),
  });
  if (
    !created &&
    (flow.action !== action || JSON.stringify(sorted(flow.payload)) !== JSON.stringify(sorted(payload)))
  )
    throw new Problem(422, 'key_reused', 'The idempotency key belongs to another request.');
  if (inBackground) {
    if (created && !dependencies.queued) worker.poll();
    return accepted(request, reply, flow, dependencies);
  }
  if (created) void worker.run(flow);
  const ended = await waitForEnd(store, flow, worker, definition.waitMs);
  return ended === undefined
    ? accepted(request, reply, flow, dependencies)
    : reply.code(statusOf(ended)).send(summaryOf(ended));
}

/** In the order in which PostgreSQL keeps keys, that of the client does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

async function accepted(
  request: FastifyRequest,
  reply: FastifyReply,
  flow: Flow,
  { forwarding }: FlowRouteDependencies,
): Promise<FastifyReply> {
  const location = `${forwarding.publicOrigin(request.raw)}/orchestrate/${flow.id}`;
  return reply.code(202).header('location', location).send(summaryOf(flow));
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'compensated', 'cancelled']);
const LOOK_MS = 100;

/** `undefined`: it has not ended in that time. It may run here or, for a repeated key, anywhere. */
async function waitForEnd(
  store: FlowStore,
  flow: Flow,
  worker: FlowWorker,
  waitMs: number,
): Promise<Flow | undefined> {
  const deadline = performance.now() + waitMs;
  let current: Flow | undefined = flow;
  for (;;) {
    await Promise.race([
      worker.whenEnded(flow.id),
      sleep(Math.min(waitMs, worker.has(flow.id) ? waitMs : LOOK_MS), undefined, { ref: false }),
    ]);
    current = await store.get(flow.id);
    if (current !== undefined && ENDED.has(current.status)) return current;
    if (performance.now() >= deadline) return undefined;
  }
}

/** 200 for what is done; 409 if a service refused, 502 if one failed: in both cases everything is undone. */
function statusOf({ status, error }: Flow): number {
  if (status === 'completed') return 200;
  return error?.reason === 'failed' ? 502 : 409;
}

function summaryOf({
  id,
  action,
  status,
  result,
  error,
  cancelRequested,
  createdAt,
  updatedAt,
}: Flow): object {
  return { id, action, status, result, error, cancelRequested, createdAt, updatedAt };
}

/** Of the span that is active, or as the client sent it. */
function traceparentOf({ headers }: FastifyRequest): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  const given = headers['traceparent'];
  return carrier.traceparent ?? (typeof given === 'string' ? given.slice(0, 100) : undefined);
}
