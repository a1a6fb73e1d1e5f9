import assert from 'node:assert/strict';

import type { Attributes } from '@opentelemetry/api';

import type { BindableHistogram } from '../../../src/instrumentation/meter/bound-meter.js';
import { attributesText } from '../collected-metrics.js';

/** A histogram that keeps what is recorded, in its order: at once, where a meter would have to be collected first. */
export class RecordedOperations {
  /** Whether recording throws. */
  failing = false;
  #recorded: Attributes[] = [];

  readonly duration: BindableHistogram = {
    bind: (attributes) => ({
      record: (seconds) => {
        assert.ok(seconds >= 0 && seconds < 300, `${seconds} s`);
        if (this.failing) throw new Error('recording fails');
        this.#recorded.push(attributes);
      },
    }),
  };

  /** `OPERATION`, or `OPERATION error`, of each since the last call. */
  take(): string[] {
    return this.#recorded.splice(0).map((attributes) =>
      ['db.operation.name', 'error.type']
        .map((key) => attributes[key])
        .filter((part) => part !== undefined)
        .join(' '),
    );
  }

  /** How often each series was recorded. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const attributes of this.#recorded) {
      const series = attributesText(attributes);
      counts[series] = (counts[series] ?? 0) + 1;
    }
    return counts;
  }
}
