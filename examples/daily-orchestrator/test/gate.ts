import assert from 'node:assert/strict';

import type { PoolClient } from 'pg';

import { eventually } from '../dev/eventually.js';
import type { Project } from './project.js';

let keys = 700;

/** Insertions into a table that wait, in their transaction, until the gate is opened. */
export class Gate {
  readonly #project: Project;
  #holder: PoolClient;
  readonly #key: number;
  #open = false;

  private constructor(project: Project, holder: PoolClient, key: number) {
    this.#project = project;
    this.#holder = holder;
    this.#key = key;
  }

  /** @param when which rows, as SQL over `NEW`; default all */
  static async close(project: Project, table: string, when = 'true'): Promise<Gate> {
    keys += 1;
    const key = keys;
    const holder = await project.db.connect();
    holder.on('error', () => undefined);
    await holder.query('SELECT pg_advisory_lock($1)', [key]);
    await holder.query(
      `CREATE FUNCTION gate_${key}() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN PERFORM pg_advisory_xact_lock_shared(${key}); RETURN NEW; END'`,
    );
    await holder.query(
      `CREATE TRIGGER gate_${key} BEFORE INSERT ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION gate_${key}()`,
    );
    return new Gate(project, holder, key);
  }

  /** Resolves when somebody waits. */
  async entered(): Promise<void> {
    await eventually(async () => {
      const waiting = await this.#project.number(
        `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1`,
        [this.#key],
      );
      assert.ok(waiting > 0);
    }, 30 * 60_000);
  }

  /** After the database was restarted, which has opened it. */
  async closeAgain(): Promise<void> {
    this.#holder.release(true);
    this.#holder = await this.#project.db.connect();
    this.#holder.on('error', () => undefined);
    await this.#holder.query('SELECT pg_advisory_lock($1)', [this.#key]);
  }

  async open(): Promise<void> {
    if (this.#open) return;
    this.#open = true;
    await this.#holder.query('SELECT pg_advisory_unlock($1)', [this.#key]);
    this.#holder.release();
  }
}
