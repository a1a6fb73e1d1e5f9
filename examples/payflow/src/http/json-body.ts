import type { FastifyInstance } from 'fastify';
import { isSafeNumber, parse } from 'lossless-json';

import { Problem } from './problem.js';

/** Nothing in the API is nested deeper than a list of objects; the parser is recursive. */
const MAX_DEPTH = 8;

/**
 * Reads JSON bodies without losing a digit: a number that a double does not hold exactly is refused, as are two values under
 * one name, of which JSON.parse would silently take the last.
 */
export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = String(body);
    if (text.trim() === '') {
      done(null, undefined);
      return;
    }
    try {
      done(null, parseExactly(text));
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      done(
        error instanceof Problem
          ? error
          : new Problem('invalid-request', `The body is not valid JSON: ${detail}`),
      );
    }
  });
}

export function parseExactly(text: string): unknown {
  assertShallow(text);
  return parse(text, refusePrototype, exactNumber);
}

function exactNumber(text: string): number {
  if (!isSafeNumber(text))
    throw new Problem('invalid-amount', `The number ${text.slice(0, 40)} has too many digits.`);
  return Number(text);
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Problem('invalid-request', 'The name __proto__ is not allowed.');
  return value;
}

/** Brackets within texts do not count. */
function assertShallow(text: string): void {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inText) {
      if (char === '\\') index++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (depth > MAX_DEPTH)
      throw new Problem('invalid-request', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  }
}
