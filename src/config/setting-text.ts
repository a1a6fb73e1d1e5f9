import type { Setting } from './settings.js';

/** An option as its variable would have it: a list is joined by commas. */
export function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(',');
  if (typeof value === 'object' && value !== null) {
    if ('host' in value && 'port' in value) {
      const host = String(value.host);
      return `${host.includes(':') ? `[${host}]` : host}:${String(value.port)}`;
    }
    if ('pattern' in value && 'aggregation' in value)
      return `${String(value.pattern)}=${String(value.aggregation)}`;
  }
  return String(value);
}

/** A value as it may be printed: quoted, and without secrets. */
export function shown(row: Setting, value: string): string {
  if (row.secret === true) return '(hidden)';
  if (row.secret === 'url') return JSON.stringify(withoutCredentials(value));
  if (row.secret === 'hosts' && !areHosts(value)) return '(hidden)';
  return mayHoldSecret(value) ? '(hidden)' : JSON.stringify(cut(value));
}

/** A value that is not allowed may be meant for another setting: a URL with a password, a header. */
function mayHoldSecret(value: string): boolean {
  if (/@|(?:passw|secret|token|bearer|basic|api[-_]?key|credential|authori[sz])/i.test(value)) return true;
  return value.includes('://') && withoutCredentials(value) !== value;
}

/** Enough to recognize it. */
const MAX_SHOWN = 100;

function cut(value: string): string {
  return value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN).toWellFormed()}…` : value;
}

/** How a default reads in the documentation, in Markdown. */
export function defaultText(row: Setting): string {
  if (row.defaultText !== undefined) return row.defaultText;
  return `\`${Array.isArray(row.default) ? row.default.join(',') : String(row.default)}\``;
}

/** Markdown as plain text. */
export function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

/**
 * A URL as it may be printed: without user, password and query. Text that cannot be split into these parts for certain is
 * not printed at all, because any part of it may be the password.
 */
export function withoutCredentials(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.host + url.pathname === '' ||
    /[@#]/.test(url.pathname + url.search + url.hash) ||
    // What stands where only the number of a database may.
    !(url.protocol === 'unix:' || /^\/?\d*$/.test(url.pathname))
  )
    return '(hidden)';
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** True for a list of hosts, with ports or without. Anything else may have a password in it. */
function areHosts(text: string): boolean {
  return text.split(',').every((item) => /^\s*(?:[\w.-]*|\[[\da-f:.]*\])(?::\d{0,5})?\s*$/i.test(item));
}
