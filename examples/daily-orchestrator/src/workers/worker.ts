import type { ConfirmChannel, ConsumeMessage } from 'amqplib';

import type { Broker } from '../broker/broker.js';
import { decodeMessage, type Message } from '../broker/message.js';
import { NotPublished, publish } from '../broker/publish.js';
import { declareQueue } from '../broker/queues.js';
import { isAway, type Database, inTransaction } from '../database/database.js';
import { readAnswer, saveAnswers, type EsiAnswer } from '../database/esi-answers.js';
import { finishItems, itemState } from '../database/work-items.js';
import { pathOf } from '../esi/endpoints.js';
import type { EsiClient } from '../esi/esi-client.js';
import type { Log } from '../log/log.js';
import { whileAway, type Ledger } from '../metrics/ledger.js';
import { countKey, messagesPublished, messagesReceived, type Counts } from '../metrics/metrics.js';
import type { Answered, WorkerKind } from './kinds.js';
import { SettleQueue } from './settle-queue.js';

export interface WorkerParts {
  readonly broker: Broker;
  readonly database: Database;
  readonly esi: EsiClient;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly prefetch: number;
  /** Aborted at once when the process must end without settling anything more. */
  readonly end: AbortSignal;
}

/** One message in hand, with the channel on which it has to be settled. */
interface Delivery {
  readonly channel: ConfirmChannel;
  readonly raw: ConsumeMessage;
}

/** A message whose work is done, up to the transaction. */
interface Ready<T> extends Delivery {
  readonly message: Message;
  readonly answered: Answered<T> | undefined;
  readonly answer: EsiAnswer | undefined;
  /** Why it is dead. */
  readonly dead: string | undefined;
}

/**
 * Takes messages of one queue, asks ESI, and settles them in groups: one transaction, one flush of the counters, then the
 * acknowledgements. A message that is delivered again, after a crash of this process or of the broker, is recognized by its
 * item and changes nothing.
 */
export class Worker<T> {
  readonly #kind: WorkerKind<T>;
  readonly #queue: string;
  readonly #parts: WorkerParts;
  readonly #settling: SettleQueue<Ready<T>>;
  readonly #inHand = new Set<Promise<void>>();
  #cancel: (() => Promise<void>) | undefined;
  #stopped = false;

  /** @param queue the kind's own, or one of another system that uses the same workers */
  constructor(kind: WorkerKind<T>, queue: string, parts: WorkerParts) {
    this.#kind = kind;
    this.#queue = queue;
    this.#parts = parts;
    this.#settling = new SettleQueue((group) => this.#settle(group));
  }

  /** Messages in hand. */
  get busy(): number {
    return this.#inHand.size;
  }

  start(): void {
    this.#parts.broker.keepChannel(async (channel) => {
      await declareQueue(channel, this.#queue);
      await channel.prefetch(this.#parts.prefetch);
      if (this.#stopped) return;
      const { consumerTag } = await channel.consume(this.#queue, (raw) => {
        if (raw !== null) this.#take({ channel, raw });
      });
      this.#cancel = async () => {
        await channel.cancel(consumerTag).catch(() => undefined);
      };
      this.#parts.log.info({ queue: this.#queue }, 'waiting for messages');
    });
  }

  /** Takes no more messages, and resolves when those in hand are settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#cancel?.();
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
    await this.#settling.drained();
  }

  #take(delivery: Delivery): void {
    const work = this.#work(delivery)
      .catch((error: unknown) => {
        if (!this.#parts.end.aborted) {
          this.#parts.log.error({ err: error, queue: this.#queue }, 'a message could not be worked on');
        }
        // To somebody else, or to this worker when it has started again.
        give(delivery, (channel, raw) => channel.nack(raw, false, true));
      })
      .finally(() => this.#inHand.delete(work));
    this.#inHand.add(work);
  }

  async #work(delivery: Delivery): Promise<void> {
    const { database, log, end } = this.#parts;
    const message = decodeMessage(delivery.raw.content);
    if (message === undefined) {
      log.error({ queue: this.#queue, text: delivery.raw.content.toString().slice(0, 200) }, 'not a message');
      this.#give(delivery, 'invalid', (channel, raw) => channel.nack(raw, false, false));
      return;
    }
    if (message.run !== undefined) {
      const { run, id } = message;
      const state = await whileAway(() => itemState(database, run, this.#queue, id), end);
      if (state?.run !== 'running' || state.item !== 'queued') {
        const result = state?.run === 'running' ? 'duplicate' : 'stale';
        this.#give(delivery, result, (channel, raw) => channel.ack(raw));
        return;
      }
    }
    this.#settling.push({ ...delivery, ...(await this.#ask(message)) });
  }

  async #ask(message: Message): Promise<Omit<Ready<T>, keyof Delivery>> {
    const { database, esi, end, log } = this.#parts;
    const { endpoint, expand } = this.#kind;
    const path = pathOf(endpoint, message.id);
    try {
      const kept = await whileAway(() => readAnswer(database, path), end);
      const { body, answer } = await esi.get(path, endpoint.template, kept, end);
      const answered = { message, data: endpoint.schema.parse(body) };
      if (expand !== undefined) await this.#expand(expand, answered);
      return { message, answered, answer, dead: undefined };
    } catch (error) {
      if (end.aborted || isAway(error) || error instanceof NotPublished) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ queue: this.#queue, id: message.id, run: message.run, reason }, 'to the dead-letter queue');
      return { message, answered: undefined, answer: undefined, dead: reason.slice(0, 500) };
    }
  }

  /** The further items are in their queue before this one is finished: an item is finished when nothing can be missing. */
  async #expand(expand: NonNullable<WorkerKind<T>['expand']>, answered: Answered<T>): Promise<void> {
    const { broker, database, end } = this.#parts;
    const { queue, messages } = await whileAway(
      () => inTransaction(database, (db) => expand(db, answered)),
      end,
    );
    // What another system finds is in the table; the workflow's queues, for which a run waits, have only the workflow's items.
    if (this.#queue !== this.#kind.queue) return;
    await publish(broker, queue, messages, end, (count) =>
      messagesPublished.add(count, { 'queue.name': queue }),
    );
  }

  async #settle(group: ReadonlyArray<Ready<T>>): Promise<void> {
    const { ledger, end, log } = this.#parts;
    try {
      const counts = await ledger.commit(async (db) => {
        const answered = group.flatMap((ready) => ready.answered ?? []);
        const answers = group.flatMap((ready) => ready.answer ?? []);
        if (answers.length > 0) await saveAnswers(db, answers);
        if (answered.length > 0) await this.#kind.store?.(db, answered);
        return this.#finish(db, group);
      }, end);
      log.debug({ queue: this.#queue, counts }, 'committed');
    } catch (error) {
      if (group.length > 1 && !end.aborted) {
        // One row that the database refuses must not take its neighbours with it.
        for (const ready of group) await this.#settle([ready]);
        return;
      }
      if (!end.aborted) log.error({ err: error, queue: this.#queue }, 'an item could not be stored');
      for (const delivery of group) give(delivery, (channel, raw) => channel.nack(raw, false, true));
      return;
    }
    for (const { dead, ...delivery } of group) {
      if (dead === undefined) this.#give(delivery, 'acknowledged', (channel, raw) => channel.ack(raw));
      else this.#give(delivery, 'dead', (channel, raw) => channel.nack(raw, false, false));
    }
  }

  async #finish(db: Parameters<typeof finishItems>[0], group: ReadonlyArray<Ready<T>>): Promise<Counts> {
    const counts: Record<string, number> = {};
    const count = (state: 'done' | 'dead'): void => {
      const key = countKey(this.#kind.step, state);
      counts[key] = (counts[key] ?? 0) + 1;
    };
    const items = group.flatMap(({ message: { run, id }, dead }) =>
      run === undefined ? [] : [{ runId: run, id, state: stateOf(dead), reason: dead }],
    );
    if (items.length > 0) for (const { state } of await finishItems(db, this.#queue, items)) count(state);
    return counts;
  }

  #give(
    delivery: Delivery,
    result: string,
    settle: (channel: ConfirmChannel, raw: ConsumeMessage) => void,
  ): void {
    give(delivery, settle);
    messagesReceived.add(1, { 'queue.name': this.#queue, 'message.result': result });
  }
}

function stateOf(dead: string | undefined): 'done' | 'dead' {
  return dead === undefined ? 'done' : 'dead';
}

/** A channel that has ended cannot settle: its messages are delivered again. */
function give(
  { channel, raw }: Delivery,
  settle: (channel: ConfirmChannel, raw: ConsumeMessage) => void,
): void {
  try {
    settle(channel, raw);
  } catch {
    // Delivered again, and recognized then.
  }
}
