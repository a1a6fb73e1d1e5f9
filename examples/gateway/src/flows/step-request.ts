import { isSpanContextValid, trace } from '@opentelemetry/api';

import type { RetryConfig, StepRequest } from '../config/gateway-config.js';
import type { Upstreams } from '../upstreams/upstreams.js';
import { fill, fillPath, fillText, type Scope } from './expressions.js';

/** A request of a step with all values in it; what is kept in the journal. */
export interface FilledRequest {
  readonly upstream: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** How a service answered. `unknown`: it may have done the step, or not. */
export type StepAnswer =
  | { readonly outcome: 'done'; readonly status: number; readonly result: unknown }
  | { readonly outcome: 'refused' | 'unknown'; readonly status?: number; readonly message: string };

export interface SendStepOptions {
  /** The same for each attempt, after a crash too: by it the service does the step once. */
  readonly idempotencyKey: string;
  readonly timeoutMs: number;
  readonly retry: RetryConfig;
  readonly traceparent: string | null;
}

const MOST_BYTES = 1_048_576;
/** They say "not now", not "no". */
const NOT_FINAL = new Set([408, 425, 429]);

/** @throws the error of an expression */
export async function fillRequest(request: StepRequest, scope: Scope): Promise<FilledRequest> {
  const { upstream, method, path, headers, body } = request;
  const entries = Object.entries(headers).map(
    async ([name, value]) => [name.toLowerCase(), oneLine(await fillText(value, scope))] as const,
  );
  return {
    upstream,
    method,
    path: await fillPath(path, scope),
    headers: Object.fromEntries(await Promise.all(entries)),
    ...(body !== undefined && { body: await fill(body, scope) }),
  };
}

/** Sends a step with its retries. Never throws: whatever happens is an answer. */
export async function sendStep(
  upstreams: Upstreams,
  request: FilledRequest,
  options: SendStepOptions,
): Promise<StepAnswer> {
  try {
    if (!upstreams.has(request.upstream))
      return {
        outcome: 'unknown',
        message: `The configuration has no upstream ${request.upstream} any more.`,
      };
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const response = await upstreams.get(request.upstream).send(
      {
        method: request.method,
        path: request.path,
        headers: headersOf(request, options, body),
        body,
        timeoutMs: options.timeoutMs,
        idleTimeoutMs: options.timeoutMs,
      },
      { retry: options.retry, clientGone: new AbortController().signal },
    );
    const { statusCode: status } = response;
    const result = await readResult(response.body);
    if (status >= 200 && status < 300) return { outcome: 'done', status, result };
    const message = `${request.upstream} answered ${status}${reasonOf(result)}`;
    const refused = status >= 400 && status < 500 && !NOT_FINAL.has(status);
    return { outcome: refused ? 'refused' : 'unknown', status, message };
  } catch (error) {
    return { outcome: 'unknown', message: (error as Error).message };
  }
}

function headersOf(
  request: FilledRequest,
  { idempotencyKey, traceparent }: SendStepOptions,
  body: string | null,
): Record<string, string> {
  return {
    accept: 'application/json',
    ...(body !== null && { 'content-type': 'application/json' }),
    ...request.headers,
    'idempotency-key': idempotencyKey,
    ...(traceparent !== null && !isTracing() && { traceparent }),
  };
}

async function readResult(body: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}

function reasonOf(result: unknown): string {
  const { detail, error, message } = (typeof result === 'object' && result !== null ? result : {}) as Record<
    string,
    unknown
  >;
  const reason = [detail, error, message].find((text) => typeof text === 'string');
  return reason === undefined ? '' : `: ${reason.slice(0, 200)}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}

/** Then the instrumentation of the client writes the header itself. */
function isTracing(): boolean {
  const context = trace.getActiveSpan()?.spanContext();
  return context !== undefined && isSpanContextValid(context);
}
