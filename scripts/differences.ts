/**
 * What an application can see of the preload, and why: `test/harm` finds these differences and no others, and
 * docs/operations.md lists them.
 */
export interface Difference {
  /** As `test/harm/compare.ts` writes it. */
  readonly where: RegExp;
  readonly what: string;
  readonly why: string;
  /** It depends on the moment whether it is seen. */
  readonly sometimes?: true;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    where: /\.globals: \+ Symbol\(@org\/orchestrator\//,
    what: 'Symbols `@org/orchestrator/…` of `globalThis`',
    why: 'All copies of the package in one process find each other by them.',
  },
  {
    where: /\.listeners\.(?:SIG(?:TERM|INT|HUP|QUIT|USR2|ALRM|XCPU|BREAK)|beforeExit|exit|removeListener)\b/,
    what: 'Listeners of `process` for the signals that end it and for its end, and one of `removeListener`',
    why: 'The last flush. What a signal does stays as it is.',
  },
  {
    where: /\.functions\.Module\.(?:_load|prototype\.require): /,
    what: '`Module._load` and `Module.prototype.require` are wrapped',
    why: 'Routes of frameworks are learned when a framework is loaded.',
  },
  {
    where: /^stdout: [^]*apm saw/,
    what: "A tracer that wraps `Module._load` itself does not see that a module of Node's own is required again",
    why: "OpenTelemetry's require-in-the-middle answers from its own cache.",
  },
  {
    where: /\.request\.request: \+ Symbol\(@org\/orchestrator\/request\)/,
    what: 'One symbol on a request',
    why: 'What is known of a request is one object in one property of it.',
  },
  {
    where: /\.request\.socket\.close: /,
    what: 'One listener of `close` on a connection',
    why: 'A request that is not answered is counted when its connection closes.',
  },
  {
    where: /^stdout: [^]*Gracefully restarted/,
    what: '`node --watch` may say that it waits for the end of a process',
    why: 'The last flush of that process is sent.',
    sometimes: true,
  },
  {
    where: /\.handles: \+ (?:PipeWrap|FSReqPromise|FSReqCallback|Timeout|TickObject|Immediate)$/,
    what: '`process.getActiveResourcesInfo()` names stderr, and what a flush is doing at that moment',
    why: 'The start line is written to stderr, and the local store is in files. Neither keeps the process alive.',
    sometimes: true,
  },
];
