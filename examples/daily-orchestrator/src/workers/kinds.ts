import { QUEUES } from '../broker/queues.js';
import type { Message } from '../broker/message.js';
import { upsertAlliances, upsertCorporations, noteCorporations } from '../database/entities.js';
import type { Queryable } from '../database/database.js';
import { noteItems, queuedItems } from '../database/work-items.js';
import { ALLIANCE, ALLIANCE_CORPORATIONS, CORPORATION, type Endpoint } from '../esi/endpoints.js';

/** An item with what ESI answered. */
export interface Answered<T> {
  readonly message: Message;
  readonly data: T;
}

/** More work for another queue: what a worker finds. */
export interface Found {
  readonly queue: string;
  readonly messages: readonly Message[];
}

/** What one kind of worker does. */
export interface WorkerKind<T> {
  /** The step of the workflow that it works for, and its command. */
  readonly step: string;
  /** The name of its process in PM2. */
  readonly process: string;
  readonly queue: string;
  readonly endpoint: Endpoint<T>;
  /**
   * Notes further items, and answers those that are work for this kind's successor. Their messages are published before the item
   * is finished; it may be called again for the same item.
   */
  readonly expand?: (db: Queryable, answered: Answered<T>) => Promise<Found>;
  /** In the transaction that finishes the items. */
  store?(db: Queryable, answered: ReadonlyArray<Answered<T>>): Promise<void>;
}

type DataOf<E> = E extends Endpoint<infer T> ? T : never;

const allianceInfo: WorkerKind<DataOf<typeof ALLIANCE>> = {
  step: 'worker:info:alliances',
  process: 'worker-alliances',
  queue: QUEUES.allianceInfo,
  endpoint: ALLIANCE,
  store: (db, answered) =>
    upsertAlliances(
      db,
      answered.map(({ message: { id }, data }) => ({ id, ...data })),
    ),
};

const allianceCorporations: WorkerKind<number[]> = {
  step: 'worker:alliance-corporations',
  process: 'worker-alliance-corporations',
  queue: QUEUES.allianceCorporations,
  endpoint: ALLIANCE_CORPORATIONS,
  async expand(db, { message, data }) {
    await noteCorporations(db, message.id, data);
    const queue = QUEUES.corporationInfo;
    const { run } = message;
    if (run === undefined) return { queue, messages: data.map((id) => ({ id })) };
    await noteItems(db, run, queue, data);
    const waiting = await queuedItems(db, run, queue, data);
    return { queue, messages: waiting.map((id) => ({ id, run })) };
  },
};

const corporationInfo: WorkerKind<DataOf<typeof CORPORATION>> = {
  step: 'worker:info:corporations',
  process: 'worker-corporations',
  queue: QUEUES.corporationInfo,
  endpoint: CORPORATION,
  store: (db, answered) =>
    upsertCorporations(
      db,
      answered.map(({ message: { id }, data }) => ({ id, ...data })),
    ),
};

export const WORKER_KINDS = [allianceInfo, allianceCorporations, corporationInfo] as const;
