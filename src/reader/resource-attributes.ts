import type { Attributes as OtelAttributes } from '@opentelemetry/api';

import type { Attributes } from '../model/series.js';
import { type Fit, normalizeAttributes } from './normalize.js';

/** What OpenTelemetry's `process` detector finds in the command line; passwords are given there. */
const COMMAND_LINE = new Set(['process.command', 'process.command_args', 'process.command_line']);

/** Keys whose values nobody should see. */
const SECRET_KEY =
  /(?:^|[._-])(?:passwords?|passwd|secrets?|tokens?|credentials?|authorization|api[._-]?keys?)$/i;

/** User and password of a URL, wherever it stands. */
const LOGIN_IN_URL = /(?<scheme>[a-z][a-z\d+.-]*:\/\/)[^\s/@]*@/gi;

/**
 * The attributes of a resource as they may be stored, and seen by every scraper: without the command line, without the values
 * of keys that are called passwords or tokens, and without the login in a URL.
 */
export function resourceAttributes(attributes: OtelAttributes, fit: Fit): Attributes {
  return normalizeAttributes(attributes, fit)
    .filter(([key]) => !COMMAND_LINE.has(key))
    .map(([key, value]) => [
      key,
      SECRET_KEY.test(key) ? '(hidden)' : value.replaceAll(LOGIN_IN_URL, '$<scheme>(hidden)@'),
    ]);
}
