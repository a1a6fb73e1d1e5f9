import type { DeltaBatch } from '../../../model/delta-batch.js';
import type { FinalLog } from './final-log.js';
import { splitBatch } from '../log-record.js';

/** An attempt fails when a seal, a wipe or a deleted file came in between, which is rare. */
const ATTEMPTS = 20;

/** What this instance was doing when its process came to its end. */
export interface Unfinished {
  /** The last batch that the log has. */
  readonly applied: number;
  /** A record is on its way to the log, and may arrive before or after what is written now. */
  readonly isWriting: boolean;
}

/** Writes the last batches of an instance, each part once whether it is in the log already or not, and ends its lease. */
export function writeLast(
  log: FinalLog,
  batches: readonly DeltaBatch[],
  { applied, isWriting }: Unfinished,
): void {
  log.catchUp();
  for (const batch of batches) if (batch.sequence > applied) writeBatch(log, batch);
  // Without its instance the log would not know a record again that arrives after this. The lease then ends by itself.
  if (isWriting || log.view.own === undefined) return;
  for (let attempt = 0; attempt < ATTEMPTS && !log.submit({ kind: 'leave' }); attempt += 1);
}

function writeBatch(log: FinalLog, batch: DeltaBatch): void {
  const parts = splitBatch(batch, log.now());
  for (let attempt = 0; attempt < ATTEMPTS + parts.length; attempt += 1) {
    const { own } = log.view;
    if (
      own !== undefined &&
      (own.sequence > batch.sequence || (own.sequence === batch.sequence && own.complete))
    )
      return;
    const part = parts[own?.sequence === batch.sequence ? own.parts : 0];
    if (part !== undefined) log.submit(log.view.encode(part, log.now()));
  }
  throw new Error(`the batch did not get through in ${ATTEMPTS} attempts`);
}
