import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Run } from '../src/database/runs.js';
import { decide, resumable, Schedule, type DecisionInput } from '../src/workflow/schedule.js';

const at = (text: string): Date => new Date(text);

function run(values: Partial<Run>): Run {
  return {
    id: 1,
    trigger: 'schedule',
    scheduledFor: null,
    state: 'running',
    owner: '',
    startedAt: at('2026-03-10T02:00:01Z'),
    endedAt: null,
    error: null,
    ...values,
  };
}

describe('the schedule', () => {
  const schedule = new Schedule(2, 0);

  test('is UTC, whatever the time zone of the machine, also where a clock changes at 02:00', () => {
    const before = process.env['TZ'];
    try {
      for (const zone of ['America/New_York', 'Europe/Berlin', 'Pacific/Auckland', 'Asia/Kolkata']) {
        process.env['TZ'] = zone;
        assert.equal(
          schedule.next(at('2026-03-08T01:59:59Z')).toISOString(),
          '2026-03-08T02:00:00.000Z',
          zone,
        );
        assert.equal(
          schedule.next(at('2026-03-29T01:30:00Z')).toISOString(),
          '2026-03-29T02:00:00.000Z',
          zone,
        );
        assert.equal(
          schedule.next(at('2026-03-29T02:00:00Z')).toISOString(),
          '2026-03-30T02:00:00.000Z',
          zone,
        );
      }
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });

  test('knows the newest time that is not in the future', () => {
    assert.equal(schedule.latest(at('2026-03-10T02:00:00Z')).toISOString(), '2026-03-10T02:00:00.000Z');
    assert.equal(schedule.latest(at('2026-03-10T01:59:59Z')).toISOString(), '2026-03-09T02:00:00.000Z');
    assert.equal(schedule.latest(at('2026-03-10T23:00:00Z')).toISOString(), '2026-03-10T02:00:00.000Z');
  });

  test('can be at another hour and minute', () => {
    assert.equal(
      new Schedule(23, 45).latest(at('2026-03-10T10:00:00Z')).toISOString(),
      '2026-03-09T23:45:00.000Z',
    );
  });
});

describe('a daemon', () => {
  const due = at('2026-03-10T02:00:00Z');
  const input = (values: Partial<DecisionInput>): DecisionInput => ({
    now: at('2026-03-10T02:00:00.500Z'),
    due,
    since: at('2026-03-01T00:00:00Z'),
    newest: run({ state: 'succeeded', startedAt: at('2026-03-09T02:00:00Z') }),
    dueHasRun: false,
    ...values,
  });

  test('starts at the scheduled time', () => {
    assert.deepEqual(decide(input({})), {
      action: 'start',
      trigger: 'schedule',
      scheduledFor: due,
      abandon: undefined,
    });
  });

  test('catches a missed time up, once', () => {
    const late = input({ now: at('2026-03-10T09:00:00Z') });
    assert.equal(decide(late).action, 'start');
    assert.equal((decide(late) as { trigger: string }).trigger, 'catch-up');
    assert.deepEqual(decide({ ...late, dueHasRun: true }), { action: 'wait' });
  });

  test('does not start for a time before it was set up', () => {
    assert.deepEqual(decide(input({ since: at('2026-03-10T08:00:00Z'), newest: undefined })), {
      action: 'wait',
    });
  });

  test('goes on with an interrupted run', () => {
    const newest = run({});
    assert.deepEqual(decide(input({ newest, dueHasRun: true })), { action: 'resume', run: newest });
  });

  test('gives an interrupted run up when the next day begins', () => {
    const newest = run({ startedAt: at('2026-03-09T02:00:01Z') });
    assert.deepEqual(decide(input({ newest })), {
      action: 'start',
      trigger: 'schedule',
      scheduledFor: due,
      abandon: newest,
    });
  });

  test('leaves a failed run alone until the next day', () => {
    const newest = run({ state: 'failed' });
    assert.deepEqual(decide(input({ newest, dueHasRun: true })), { action: 'wait' });
    const tomorrow = input({ newest, due: at('2026-03-11T02:00:00Z'), now: at('2026-03-11T02:00:00Z') });
    assert.equal(decide(tomorrow).action, 'start');
  });

  test('keeps out of steps that somebody runs one by one', () => {
    assert.deepEqual(decide(input({ newest: run({ trigger: 'step' }), dueHasRun: true })), {
      action: 'wait',
    });
  });
});

describe('a manual start', () => {
  const due = at('2026-03-10T02:00:00Z');

  test('goes on with the run of the day that failed or was interrupted', () => {
    for (const state of ['failed', 'running'] as const) {
      const newest = run({ state });
      assert.equal(resumable(newest, due), newest);
    }
  });

  test('begins a new run after a success, and after the run of another day', () => {
    assert.equal(resumable(run({ state: 'succeeded' }), due), undefined);
    assert.equal(resumable(run({ state: 'failed', startedAt: at('2026-03-09T02:00:00Z') }), due), undefined);
    assert.equal(resumable(undefined, due), undefined);
  });
});
