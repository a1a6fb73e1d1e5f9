import { randomUUID } from 'node:crypto';

import type { ConsumeMessage } from 'amqplib';

import type { GatewayConfig } from '../config/gateway-config.js';
import { checkPayload } from '../flows/check-payload.js';
import type { FlowStore } from '../flows/flow-store.js';
import type { FlowWorker } from '../flows/flow-worker.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type Consume, FLOW_QUEUE } from './rabbitmq.js';

export interface ConsumeDependencies {
  readonly config: () => GatewayConfig;
  readonly store: FlowStore;
  readonly worker: FlowWorker;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What the gateway does with a message of each of its queues. */
export function consumer({ config, store, worker, metrics, log }: ConsumeDependencies): Consume {
  const run = async ({ content }: ConsumeMessage): Promise<string> => {
    const { id } = JSON.parse(content.toString()) as { id: string };
    // Acknowledged when the flow has ended here. If nobody can be told, its lease ends, and another process takes it.
    return (await worker.take(id)) ? 'done' : 'taken';
  };
  const command = async ({ content, properties }: ConsumeMessage): Promise<string> => {
    const { action, payload = {} } = JSON.parse(content.toString()) as { action: string; payload?: unknown };
    const definition = config().flows.get(action);
    if (definition === undefined) throw new SyntaxError(`there is no action "${action}"`);
    checkPayload(definition, payload);
    const messageId: unknown = properties.messageId;
    const key = typeof messageId === 'string' && messageId !== '' ? `message:${messageId}` : undefined;
    const { created } = await store.create({
      id: randomUUID(),
      definition,
      payload,
      idempotencyKey: key,
      owner: undefined,
      queued: true,
      traceparent: undefined,
    });
    return created ? 'started' : 'repeated';
  };
  return async (queue, message) => {
    try {
      const outcome = await (queue === FLOW_QUEUE ? run(message) : command(message));
      metrics.messagesConsumed.add(1, { queue, outcome });
      return true;
    } catch (error) {
      // What cannot be understood now will not be later either; a database that is down will be up again.
      const broken = error instanceof SyntaxError || (error as Error).name === 'Problem';
      metrics.messagesConsumed.add(1, { queue, outcome: broken ? 'refused' : 'failed' });
      log.error({ err: error, queue }, broken ? 'message refused' : 'message put back');
      return broken;
    }
  };
}
