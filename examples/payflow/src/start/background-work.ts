import { recordJob } from '@org/orchestrator';

import type { Database } from '../database/database.js';
import { forgetKeys } from '../ledger/idempotency.js';
import { checkLedger, type LedgerReport } from '../ledger/ledger-check.js';
import type { OutboxRelay } from '../ledger/outbox-relay.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ActiveUsers } from '../users/active-users.js';

export interface BackgroundWorkOptions {
  readonly database: Database;
  readonly relay: OutboxRelay;
  readonly activeUsers: ActiveUsers;
  readonly metrics: Metrics;
  readonly ledgerCheckIntervalMs: number;
  readonly idempotencyTtlHours: number;
  readonly onError: (job: string, error: unknown) => void;
}

const ACTIVE_USERS_INTERVAL_MS = 5000;
const FORGET_INTERVAL_MS = 3_600_000;

/** What an instance does without being asked. Every instance does all of it: none of it does harm twice. */
export class BackgroundWork {
  readonly #options: BackgroundWorkOptions;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: BackgroundWorkOptions) {
    this.#options = options;
  }

  start(): void {
    const { relay, activeUsers, ledgerCheckIntervalMs } = this.#options;
    relay.start();
    void activeUsers.refresh();
    void this.#job('ledger-check', async () => this.checkLedgerNow());
    this.#timers.push(
      setInterval(() => void activeUsers.refresh(), ACTIVE_USERS_INTERVAL_MS),
      setInterval(
        () => void this.#job('ledger-check', async () => this.checkLedgerNow()),
        ledgerCheckIntervalMs,
      ),
      setInterval(() => void this.#job('forget-keys', async () => this.forgetKeysNow()), FORGET_INTERVAL_MS),
    );
  }

  async checkLedgerNow(): Promise<LedgerReport> {
    const { database, metrics } = this.#options;
    const report = await database.reader.read('ledger_check', 0n, checkLedger);
    for (const [currency, sum] of Object.entries(report.imbalance))
      metrics.ledgerImbalance.record(Number(sum), { currency });
    for (const [currency, sum] of Object.entries(report.held))
      metrics.ledgerHeld.record(Number(sum), { currency });
    metrics.ledgerMismatches.record(report.mismatches, { what: 'balances' });
    metrics.ledgerMismatches.record(report.unbalanced, { what: 'transactions' });
    return report;
  }

  async forgetKeysNow(): Promise<number> {
    const { database, idempotencyTtlHours } = this.#options;
    const { result } = await database.writer.write('forget_keys', async (client) =>
      forgetKeys(client, idempotencyTtlHours),
    );
    return result;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#options.relay.close();
  }

  async #job(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await recordJob(name, work);
    } catch (error) {
      this.#options.onError(name, error);
    }
  }
}
