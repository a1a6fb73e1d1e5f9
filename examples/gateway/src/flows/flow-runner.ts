import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';

import { type FlowItem, isParallel, type StepConfig, stepsOf } from '../config/gateway-config.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Upstreams } from '../upstreams/upstreams.js';
import { evaluate, type Scope } from './expressions.js';
import type { Flow, FlowError, FlowStatus, FlowStore } from './flow-store.js';
import type { StepJournal, StepRecord } from './step-journal.js';
import { type FilledRequest, fillRequest, sendStep, type StepAnswer } from './step-request.js';

export interface RunnerDependencies {
  readonly store: FlowStore;
  readonly journal: StepJournal;
  readonly upstreams: Upstreams;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The end of a flow is told by a message. */
  readonly withEvents: boolean;
}

/** A step did not come to a good end: what was done before is undone. */
class StepFailed extends Error {
  readonly error: FlowError;

  constructor(error: FlowError) {
    super(error.message);
    this.error = error;
  }
}

/** This process ends; the flow goes on elsewhere. */
class Suspended extends Error {}

/** The step has a result. */
const ANSWERED: ReadonlySet<string> = new Set(['done', 'compensating', 'compensated']);

const FIRST_ROUND_MS = 1000;
const LONGEST_ROUND_MS = 60_000;

/** Runs one flow that this process has a lease of, from where its journal ends. */
export class FlowRun {
  readonly #flow: Flow;
  readonly #steps: RunnerDependencies;
  readonly #stopping: () => boolean;
  #records = new Map<string, StepRecord>();
  /** A branch has failed: the others begin nothing more. */
  #failed = false;

  constructor(flow: Flow, dependencies: RunnerDependencies, stopping: () => boolean) {
    this.#flow = flow;
    this.#steps = dependencies;
    this.#stopping = stopping;
  }

  /** Resolves when the flow has ended, or waits for its next round. @throws LeaseLost, or an error of the database */
  async run(): Promise<void> {
    const { traceparent, action } = this.#flow;
    const parent = propagation.extract(ROOT_CONTEXT, traceparent === null ? {} : { traceparent });
    await context.with(parent, () =>
      trace
        .getTracer('gateway')
        .startActiveSpan(
          `flow ${action}`,
          { attributes: { 'gateway.flow.id': this.#flow.id } },
          async (span) => {
            try {
              await this.#run();
            } catch (error) {
              span.setStatus({ code: SpanStatusCode.ERROR });
              throw error;
            } finally {
              span.end();
            }
          },
        ),
    );
  }

  async #run(): Promise<void> {
    const { store, journal } = this.#steps;
    for (const record of await journal.read(this.#flow.id)) this.#records.set(record.step, record);
    let { error } = this.#flow;
    if (this.#flow.status !== 'compensating') {
      try {
        await this.#sequence(this.#flow.definition.steps);
        await this.#finish('completed', await this.#output());
        return;
      } catch (failure) {
        if (failure instanceof Suspended) return store.release(this.#flow);
        if (!(failure instanceof StepFailed)) throw failure;
        ({ error } = failure);
        await store.beginCompensation(this.#flow, error);
      }
    }
    await this.#compensate(error);
  }

  async #sequence(items: readonly FlowItem[]): Promise<void> {
    for (const item of items) await (isParallel(item) ? this.#branches(item.parallel) : this.#step(item));
  }

  async #branches(branches: ReadonlyArray<readonly FlowItem[]>): Promise<void> {
    const results = await Promise.allSettled(
      branches.map(async (branch) => {
        try {
          await this.#sequence(branch);
        } catch (error) {
          this.#failed = true;
          throw error;
        }
      }),
    );
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    // A branch that stopped because another one failed has nothing to say of its own.
    const [first] = errors.filter((error) => !(error instanceof Suspended)).concat(errors);
    if (first !== undefined) throw first;
  }

  async #step(step: StepConfig): Promise<void> {
    const { status } = this.#records.get(step.name) ?? {};
    if (status === 'done' || status === 'skipped') return;
    if (status === 'refused' || status === 'unknown')
      throw this.#failure(step, { outcome: status, message: this.#records.get(step.name)?.error ?? '' });
    if (this.#failed || this.#stopping()) throw new Suspended();
    const { journal } = this.#steps;
    const prepared = await this.#prepare(step);
    if (prepared === undefined) {
      await journal.skip(this.#flow, step.name);
      this.#note(step.name, 'skipped', null, null);
      return;
    }
    const { request, cancelRequested } = await journal.start(this.#flow, step.name, prepared);
    if (cancelRequested)
      throw new StepFailed({ step: step.name, reason: 'cancelled', message: 'The flow was cancelled.' });
    this.#note(step.name, 'running', null, request);
    const answer = await this.#send(step, request);
    const result = answer.outcome === 'done' ? answer.result : null;
    const error = answer.outcome === 'done' ? null : answer.message;
    await journal.finish(this.#flow, step.name, answer.outcome, result, error);
    this.#note(step.name, answer.outcome, result, request);
    if (answer.outcome !== 'done') throw this.#failure(step, answer);
  }

  /** `undefined`: the step's condition is not met. @throws StepFailed for an expression that fails */
  async #prepare(step: StepConfig): Promise<FilledRequest | undefined> {
    try {
      if (step.when !== undefined && (await evaluate(step.when, this.#scope())) !== true) return undefined;
      return await fillRequest(step.request, this.#scope());
    } catch (error) {
      throw new StepFailed({
        step: step.name,
        reason: 'refused',
        message: `Its request cannot be made: ${(error as Error).message}`,
      });
    }
  }

  async #send(step: StepConfig, request: FilledRequest): Promise<StepAnswer> {
    const { upstreams, metrics } = this.#steps;
    const startedAt = performance.now();
    const answer = await sendStep(upstreams, request, {
      idempotencyKey: `${this.#flow.id}:${step.name}`,
      timeoutMs: step.timeoutMs,
      retry: step.retry,
      traceparent: this.#flow.traceparent,
    });
    const attributes = { action: this.#flow.action, step: step.name, outcome: answer.outcome };
    metrics.stepDuration.record((performance.now() - startedAt) / 1000, attributes);
    return answer;
  }

  #failure(
    { name }: StepConfig,
    answer: { outcome: 'refused' | 'unknown'; message: string; status?: number },
  ): StepFailed {
    const { message, status, outcome } = answer;
    const reason = outcome === 'refused' ? 'refused' : 'failed';
    return new StepFailed({ step: name, reason, message, ...(status !== undefined && { status }) });
  }

  /** Undoes what was done, or may have been, in reverse. What cannot be undone now is tried again later, for ever. */
  async #compensate(error: FlowError | null): Promise<void> {
    const { store, log } = this.#steps;
    const configs = new Map(stepsOf(this.#flow.definition.steps).map((step) => [step.name, step]));
    const toUndo = [...this.#records.values()]
      .filter(
        ({ status }) =>
          status === 'done' || status === 'unknown' || status === 'running' || status === 'compensating',
      )
      .toSorted((a, b) => b.seq - a.seq);
    for (const { step } of toUndo) {
      const config = configs.get(step);
      if (config?.compensate === undefined) continue;
      if (this.#stopping()) return store.release(this.#flow);
      if (await this.#undo(config)) continue;
      const rounds = this.#flow.compensationRounds;
      const waitMs = Math.min(LONGEST_ROUND_MS, FIRST_ROUND_MS * 2 ** rounds);
      log.error({ flow: this.#flow.id, step, rounds, waitMs }, 'a step cannot be undone yet');
      return store.endRound(this.#flow, waitMs);
    }
    await this.#finish(error?.reason === 'cancelled' ? 'cancelled' : 'compensated', null);
  }

  async #undo(step: StepConfig): Promise<boolean> {
    const { journal, upstreams, metrics } = this.#steps;
    if (step.compensate === undefined) return true;
    await journal.mark(this.#flow, step.name, 'compensating', null);
    const answer = await this.#undoRequest(step, upstreams);
    // What is not there need not be undone.
    const undone = answer.outcome === 'done' || answer.status === 404 || answer.status === 410;
    const attributes = { action: this.#flow.action, step: step.name, outcome: undone ? 'done' : 'failed' };
    metrics.compensations.add(1, attributes);
    await journal.mark(
      this.#flow,
      step.name,
      undone ? 'compensated' : 'compensating',
      answer.outcome === 'done' ? null : answer.message,
    );
    return undone;
  }

  async #undoRequest(step: StepConfig, upstreams: Upstreams): Promise<StepAnswer> {
    try {
      const request = await fillRequest(
        step.compensate as NonNullable<StepConfig['compensate']>,
        this.#scope(),
      );
      return await sendStep(upstreams, request, {
        idempotencyKey: `${this.#flow.id}:${step.name}:undo`,
        timeoutMs: step.timeoutMs,
        retry: step.retry,
        traceparent: this.#flow.traceparent,
      });
    } catch (error) {
      return { outcome: 'refused', message: `Its request cannot be made: ${(error as Error).message}` };
    }
  }

  async #output(): Promise<unknown> {
    const { output } = this.#flow.definition;
    if (output === undefined) return this.#scope().steps;
    try {
      return await evaluate(output, this.#scope());
    } catch (error) {
      // Everything is done: an expression that fails must not undo it.
      this.#steps.log.error({ err: error, flow: this.#flow.id }, 'the output of a flow cannot be made');
      return this.#scope().steps;
    }
  }

  async #finish(status: FlowStatus, result: unknown): Promise<void> {
    const { store, metrics, withEvents, log } = this.#steps;
    await store.finish(this.#flow, status, result, withEvents);
    const { action, id, createdAt } = this.#flow;
    metrics.flows.add(1, { action, outcome: status });
    metrics.flowDuration.record(Math.max(0, Date.now() - createdAt.getTime()) / 1000, {
      action,
      outcome: status,
    });
    log.info({ flow: id, action, status }, 'flow ended');
  }

  #scope(): Scope {
    const { id, action, payload } = this.#flow;
    const done = [...this.#records.values()].filter(({ status }) => ANSWERED.has(status));
    return {
      payload,
      flow: { id, action },
      steps: Object.fromEntries(done.map(({ step, result }) => [step, result])),
    };
  }

  #note(step: string, status: StepRecord['status'], result: unknown, request: FilledRequest | null): void {
    const before = this.#records.get(step);
    const seq = before?.seq ?? this.#records.size;
    const now = new Date();
    this.#records.set(step, {
      step,
      seq,
      status,
      result,
      request,
      error: null,
      attempts: 1,
      startedAt: now,
      finishedAt: now,
    });
  }
}
