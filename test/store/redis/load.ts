import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../helpers/eventually.js';
import type { Instance, Sent } from '../../contract/bed.js';
import { sendUntilConfirmed } from './project.js';

/** Instances that send one batch after the other, each until it is confirmed. */
export class RedisLoad {
  /** Batches that were confirmed. */
  rounds = 0;
  readonly #writing: Promise<unknown>;
  readonly #end = new AbortController();

  constructor(instances: readonly Instance[], sent: Sent) {
    this.#writing = Promise.all(instances.map((instance) => this.#write(instance, sent)));
  }

  /** Resolves when so many more batches are confirmed. */
  async enough(more: number): Promise<void> {
    const wanted = this.rounds + more;
    await eventually(() => assert.ok(this.rounds >= wanted, `${this.rounds} of ${wanted}`), {
      deadlineMs: 60_000,
    });
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#writing;
  }

  async #write(instance: Instance, sent: Sent): Promise<void> {
    while (!this.#end.signal.aborted) {
      await sendUntilConfirmed(instance, sent);
      this.rounds += 1;
      await sleep(5);
    }
  }
}
