import { setTimeout as sleep } from 'node:timers/promises';

import type { Broker } from '../broker/broker.js';
import { NotPublished, publish } from '../broker/publish.js';
import { declareQueue, QUEUES } from '../broker/queues.js';
import type { Database, Queryable } from '../database/database.js';
import {
  noteAlliances,
  openAlliances,
  snapshotAlliances,
  snapshotCorporations,
} from '../database/entities.js';
import { readAnswer, saveAnswers } from '../database/esi-answers.js';
import { countItems, noteItems, queuedItems } from '../database/work-items.js';
import { ALLIANCES, pathOf } from '../esi/endpoints.js';
import type { EsiClient } from '../esi/esi-client.js';
import type { Log } from '../log/log.js';
import { whileAway, type Ledger } from '../metrics/ledger.js';
import { countKey, messagesPublished } from '../metrics/metrics.js';
import type { Settings } from '../settings/settings.js';
import { waitUntilEmpty, type Progress } from './wait-until-empty.js';
import type { QueueDepth } from '../broker/queue-depth.js';

/** What steps work with. */
export interface StepContext {
  readonly runId: number;
  readonly settings: Settings;
  readonly database: Database;
  readonly broker: Broker;
  readonly esi: EsiClient;
  readonly ledger: Ledger;
  readonly log: Log;
  /** The run has failed before, or its dead items have a new chance: what is not finished may be in no queue. */
  readonly sendsAgain: boolean;
  readonly depthOf: (queue: string) => Promise<QueueDepth>;
  /** Called at each look at a queue. */
  readonly progress: (progress: Progress) => void;
}

export interface Step {
  readonly name: string;
  /** The queue that it waits for. */
  readonly drains?: string;
  readonly limit: (settings: Settings) => number;
  /** Does the step, or the rest of it if it was interrupted. Answers the number of its items. */
  run(context: StepContext, signal: AbortSignal): Promise<number>;
}

const RETRY_MS = 1000;

const other = (settings: Settings): number => settings.LIMIT_OTHER_STEPS;

/** Answers the ids for a queue, in the transaction that notes them. */
type List = (db: Queryable) => Promise<readonly number[]>;

/** Fills a queue. The items are noted first, and those that are noted and not finished are sent: again, if need be. */
function fill(
  name: string,
  queue: string,
  prepare: (context: StepContext, signal: AbortSignal) => Promise<List>,
): Step {
  return {
    name,
    limit: other,
    async run(context, signal) {
      const { database, ledger, runId } = context;
      const list = await prepare(context, signal);
      await ledger.commit(
        async (db) => ({ [countKey(name, 'done')]: await noteItems(db, runId, queue, await list(db)) }),
        signal,
      );
      await sendQueued(context, queue, signal);
      const { queued, done, dead } = await whileAway(() => countItems(database, runId, queue), signal);
      return queued + done + dead;
    },
  };
}

/** Sends all items of a queue that are not finished. */
async function sendQueued(
  { broker, database, log, runId }: StepContext,
  queue: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const ids = await whileAway(() => queuedItems(database, runId, queue), signal);
    try {
      await declareAgain(broker, queue);
      await publish(
        broker,
        queue,
        ids.map((id) => ({ id, run: runId })),
        signal,
        (count) => messagesPublished.add(count, { 'queue.name': queue }),
      );
      return;
    } catch (error) {
      if (!(error instanceof NotPublished)) throw error;
      log.warn({ queue, reason: error.message }, 'publishing again');
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** A broker that goes away in the middle is waited for; one that refuses, because the queue is declared otherwise, is an error. */
async function declareAgain(broker: Broker, queue: string): Promise<void> {
  try {
    await broker.withChannel((channel) => declareQueue(channel, queue));
  } catch (error) {
    const { code } = error as { code?: unknown };
    throw typeof code === 'number' ? error : new NotPublished(queue, error);
  }
}

/** Waits until the workers have emptied a queue. */
function drain(name: string, queue: string, limit: (settings: Settings) => number): Step {
  return {
    name,
    drains: queue,
    limit,
    async run(context, signal) {
      const { database, depthOf, log, runId, sendsAgain, settings } = context;
      if (sendsAgain) await sendQueued(context, queue, signal);
      await waitUntilEmpty({
        queue,
        interval: settings.CHECK_INTERVAL,
        signal,
        log,
        depth: () => depthOf(queue),
        items: () => countItems(database, runId, queue),
        sendAgain: () => sendQueued(context, queue, signal),
        progress: (progress) => context.progress(progress),
      });
      const { done, dead } = await whileAway(() => countItems(database, runId, queue), signal);
      refuseTooManyDead(queue, done, dead, settings.DEAD_ITEMS_ALLOWED);
      return done;
    },
  };
}

function refuseTooManyDead(queue: string, done: number, dead: number, allowedPercent: number): void {
  if (dead * 100 <= allowedPercent * (done + dead)) return;
  throw new Error(
    `${dead} of ${done + dead} items of ${queue} are in its dead-letter queue; DEAD_ITEMS_ALLOWED is ${allowedPercent} %`,
  );
}

function snapshot(
  name: string,
  take: (db: Queryable, runId: number) => Promise<number>,
  table: string,
): Step {
  return {
    name,
    limit: other,
    async run({ database, ledger, runId }, signal) {
      await ledger.commit(async (db) => ({ [countKey(name, 'done')]: await take(db, runId) }), signal);
      const { rows } = await whileAway(
        () =>
          database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table} WHERE run_id = $1`, [
            runId,
          ]),
        signal,
      );
      return rows[0]?.count ?? 0;
    },
  };
}

async function listAlliances({ database, esi }: StepContext, signal: AbortSignal): Promise<List> {
  const path = pathOf(ALLIANCES);
  const kept = await whileAway(() => readAnswer(database, path), signal);
  const { body, answer } = await esi.get(path, ALLIANCES.template, kept, signal);
  const ids = ALLIANCES.schema.parse(body);
  return async (db) => {
    if (answer !== undefined) await saveAnswers(db, [answer]);
    await noteAlliances(db, ids);
    return ids;
  };
}

/** The workflow, in its order. */
export const STEPS: readonly Step[] = [
  fill('queue:alliances', QUEUES.allianceInfo, listAlliances),
  drain('worker:info:alliances', QUEUES.allianceInfo, (settings) => settings.LIMIT_ALLIANCE_INFO),
  fill('queue:alliance-corporations', QUEUES.allianceCorporations, async () => openAlliances),
  drain(
    'worker:alliance-corporations',
    QUEUES.allianceCorporations,
    (settings) => settings.LIMIT_ALLIANCE_CORPORATIONS,
  ),
  drain('worker:info:corporations', QUEUES.corporationInfo, (settings) => settings.LIMIT_CORPORATION_INFO),
  snapshot('snapshot:alliances', snapshotAlliances, 'alliance_snapshots'),
  snapshot('snapshot:corporations', snapshotCorporations, 'corporation_snapshots'),
];

/** Which queue each waiting step waits for. */
export const DRAINED: ReadonlyArray<{ readonly step: string; readonly queue: string }> = STEPS.flatMap(
  ({ name, drains }) => (drains === undefined ? [] : [{ step: name, queue: drains }]),
);

export const STEP_NAMES: readonly string[] = STEPS.map(({ name }) => name);
