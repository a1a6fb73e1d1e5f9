import type { TestContext } from 'node:test';

import { diag } from '@opentelemetry/api';

import type { Warn } from '../../src/warnings.js';

/** Writes down what `warn` is told. */
export class Warnings {
  readonly messages: string[] = [];
  readonly codes: (string | undefined)[] = [];
  readonly warn: Warn = (message, code) => {
    this.messages.push(message);
    this.codes.push(code);
  };
}

/** What OpenTelemetry's diagnostics are told until the test ends: message, code, error. */
export function diagnostics(t: TestContext): unknown[][] {
  const told: unknown[][] = [];
  const note = (...args: unknown[]): void => void told.push(args);
  diag.setLogger(
    { error: note, warn: note, info: () => undefined, debug: () => undefined, verbose: () => undefined },
    { suppressOverrideMessage: true },
  );
  t.after(() => diag.disable());
  return told;
}
