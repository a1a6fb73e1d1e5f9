export interface Instrumentation {
  /** Nothing is measured any more. Idempotent. */
  stop(): void;
}
