import { isSecretKey } from '../reader/resource-attributes.js';
import type { Environment } from './environment.js';
import { SETTINGS, type Setting, type SettingName, type Settings } from './settings.js';

/** Shorter texts stand in lines for other reasons. */
const MIN_LENGTH = 6;

/**
 * All that must not be printed, as far as it is known: secret settings, logins in URLs, and the headers that OpenTelemetry sends to
 * an OTLP endpoint. Whatever the code takes care of, what others throw and print may have one of them in it.
 */
export function knownSecrets(env: Environment, settings: Settings): readonly string[] {
  const found = new Set<string>();
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const row: Setting = SETTINGS[name];
    if (row.secret === true)
      for (const one of [settings[name]].flat()) if (typeof one === 'string') found.add(one);
    for (const variable of row.env) {
      const given = env[variable] ?? '';
      if (row.secret === true) for (const one of [given, ...given.split(',')]) found.add(one.trim());
      else for (const one of loginsOf(given)) found.add(one);
    }
  }
  for (const [key, value] of pairsOf(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''))
    if (isSecretKey(key)) for (const one of [value, decoded(value)]) found.add(one);
  for (const [variable, given = ''] of Object.entries(env)) {
    if (!variable.startsWith('OTEL_EXPORTER_OTLP_')) continue;
    if (variable.endsWith('HEADERS')) for (const one of valuesOf(given)) found.add(one);
    else for (const one of loginsOf(given)) found.add(one);
  }
  return Array.from(found, (one) => one.trim())
    .filter((one) => one.length >= MIN_LENGTH)
    .toSorted((a, b) => b.length - a.length);
}

/** A function that leaves those texts out of a line. */
export function hider(secrets: readonly string[]): (line: string) => string {
  return (line) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '(hidden)'), line);
}

/** Passwords in the URLs of a text, as they stand there and decoded. */
function loginsOf(text: string): string[] {
  return Array.from(text.matchAll(/:\/\/[^\s:@/]*:([^\s@]+)@/g), ([, password = '']) => [
    password,
    decoded(password),
  ]).flat();
}

/** `key=value,key=value`, as they stand there and decoded. */
function valuesOf(text: string): string[] {
  return pairsOf(text).flatMap(([, value]) => [value, decoded(value), ...decoded(value).split(/\s+/)]);
}

function pairsOf(text: string): Array<[key: string, value: string]> {
  return text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
