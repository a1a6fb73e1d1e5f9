import { diag } from '@opentelemetry/api';

import { OrchestratorError, reason } from '../../../errors.js';
import { type Warn, warning } from '../../../warnings.js';
import type { RedisConnection } from '../connection/connection.js';
import { APPLY } from '../scripts/apply.js';
import type { RedisKeys } from '../scripts/keys.js';
import type { DroppedPoints } from '../writing/dropped-points.js';
import { wipedMark } from '../writing/wiped-mark.js';
import { sendLast } from '../writing/last-parts.js';
import { isExpired, type Spool, type Spooled } from './spool.js';

/** How often the folder is looked at. */
const LOOK_MS = 1000;

/** What the sender works with. */
export interface SpoolSenderParts {
  readonly spool: Spool;
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  /** Of this instance, which sends its own parts by itself. */
  readonly lease: string;
  readonly dropped: DroppedPoints;
  readonly warn: Warn;
}

/** Sends what processes of this host have left in the {@link Spool}. */
export class SpoolSender {
  readonly #of: SpoolSenderParts;
  #lookedMark = -Infinity;
  #isUsable = true;

  constructor(of: SpoolSenderParts) {
    this.#of = of;
  }

  /** Call it when Redis has answered. Never rejects: what cannot be sent now is sent later. */
  async send(): Promise<void> {
    if (!this.#isUsable || performance.now() - this.#lookedMark < LOOK_MS) return;
    this.#lookedMark = performance.now();
    for (const file of await this.#files()) {
      try {
        await this.#sendFile(file);
      } catch (error) {
        // Another project has the prefix, or the data are of another version: the files wait until they are too old.
        if (!(error instanceof OrchestratorError) || error.code === 'ORCHESTRATOR_STORE_UNAVAILABLE') return;
      }
    }
  }

  async #files(): Promise<string[]> {
    try {
      return await this.#of.spool.files();
    } catch (error) {
      this.#isUsable = false;
      diag.debug(...warning('ORCHESTRATOR_NO_SPOOL', { error }));
      return [];
    }
  }

  async #sendFile(file: string): Promise<void> {
    const { spool, connection, lease } = this.#of;
    let spooled: Spooled | undefined;
    try {
      spooled = await spool.read(file);
    } catch (error) {
      await this.#drop(file, undefined, `${file} cannot be read: ${reason(error)}`);
      return;
    }
    if (spooled === undefined || spooled.instance.lease === lease) return;
    if (isExpired(spooled)) return this.#drop(file, spooled, 'they have waited for too long');
    if (await this.#isOfBeforeWipe(spooled)) return this.#drop(file, spooled, WIPED);
    const outcome = await sendLast((call) => connection.run(APPLY, call), spooled, 'another');
    if (outcome === 'sent') return spool.remove(file);
    return this.#drop(file, spooled, outcome === 'otherEpoch' ? WIPED : 'they have waited for too long');
  }

  /** Of a process that never reached Redis, and knows no epoch. */
  async #isOfBeforeWipe({ epoch, writtenAtMs }: Spooled): Promise<boolean> {
    if (epoch !== undefined) return false;
    const mark = await wipedMark(this.#of.connection, this.#of.keys);
    return mark !== undefined && performance.now() - mark < Date.now() - writtenAtMs;
  }

  async #drop(file: string, spooled: Spooled | undefined, why: string): Promise<void> {
    const { spool, dropped, warn } = this.#of;
    await spool.remove(file);
    let series = 0;
    for (const { sections } of spooled?.parts ?? [])
      for (const { points } of sections) series += points.length;
    dropped.count(series);
    warn(...warning('ORCHESTRATOR_SPOOL_DROPPED', { series, why }));
  }
}

const WIPED = 'the project was wiped since';
