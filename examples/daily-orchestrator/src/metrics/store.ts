import { collectMetrics, flush } from '@org/orchestrator';

/** Milliseconds for one attempt: longer than a store that is merely busy needs. */
const FLUSH_MS = 10_000;

/** Resolves when everything that this process has counted is in the store. Rejects when it is not. */
export async function flushMetrics(): Promise<void> {
  const isSent = await flush({ timeoutMs: FLUSH_MS });
  if (!isSent) throw new Error('what was counted is not in the store of metrics yet');
}

/** The value of the counter `workflow.commits` of a slot, over all processes that ever had it. */
export async function commitsCounted(slot: string): Promise<number> {
  const { body } = await collectMetrics();
  for (const line of body.toString().split('\n')) {
    if (!line.startsWith('workflow_commits_total{') || !line.includes(`ledger_slot="${slot}"`)) continue;
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return 0;
}
