import type { Attributes as OtelAttributes } from '@opentelemetry/api';

import type { Attributes } from '../model/series.js';
import { type Fit, normalizeAttributes } from './normalize.js';

const COMMAND_LINE = new Set(['process.command', 'process.command_args', 'process.command_line']);

/** True for what OpenTelemetry finds in the command line; passwords are given there. */
export function isCommandLine(key: string): boolean {
  return COMMAND_LINE.has(key);
}

/** True for keys whose values nobody should see. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

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
    .filter(([key]) => !isCommandLine(key))
    .map(([key, value]) => [
      key,
      isSecretKey(key) ? '(hidden)' : value.replaceAll(LOGIN_IN_URL, '$<scheme>(hidden)@'),
    ]);
}
