import { GAUGE_MODES, type GaugeRule } from '../reader/gauge-aggregation.js';
import { sanitizePrefix } from './prefix.js';

/** A kind of value: what is allowed in words, and how text becomes a value. `parse` throws on anything else. */
export interface Kind<T> {
  readonly allowed: string;
  parse(text: string): T;
}

class NotAllowed extends Error {}

export const anyText: Kind<string> = { allowed: 'any text', parse: (value) => value };

/** The text as it is: other processes see it as the name of the project. */
export const projectName: Kind<string> = {
  allowed: 'a name with at least one of `a-z`, `0-9`',
  parse(value) {
    sanitizePrefix(value);
    return value;
  },
};

export const flag: Kind<boolean> = {
  allowed: '`true` or `false`',
  parse(value) {
    const lower = value.toLowerCase();
    if (lower === 'true' || lower === '1') return true;
    if (lower === 'false' || lower === '0') return false;
    throw new NotAllowed();
  },
};

export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse(value) {
      const number = Number(value);
      if (!Number.isInteger(number) || number < min || number > max) throw new NotAllowed();
      return number;
    },
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    allowed: values.map((value) => `\`${value}\``).join(', '),
    parse(value) {
      const found = values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
      if (found === undefined) throw new NotAllowed();
      return found;
    },
  };
}

export const list: Kind<readonly string[]> = {
  allowed: 'a comma-separated list',
  parse: (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
};

/**
 * What lets someone in. Never refused: its default is "none", and a secret that is set wrongly must not open what it was to
 * close. The place that uses it says what it cannot use.
 */
export const secrets: Kind<readonly string[]> = {
  allowed: list.allowed,
  parse(value) {
    const items = list.parse(value);
    return items.length === 0 ? [''] : items;
  },
};

export function listOf<const T extends string>(...values: readonly T[]): Kind<readonly T[]> {
  const item = oneOf(...values);
  return {
    allowed: `a comma-separated list of ${item.allowed}`,
    parse(value) {
      const items = list.parse(value).map((part) => item.parse(part));
      if (items.length === 0) throw new NotAllowed();
      return items;
    },
  };
}

export const ascending: Kind<readonly number[] | undefined> = {
  allowed: 'a comma-separated list of ascending positive numbers',
  parse(value) {
    const numbers = list.parse(value).map(Number);
    const valid = numbers.every(
      (number, index) => Number.isFinite(number) && number > (numbers[index - 1] ?? 0),
    );
    if (numbers.length === 0 || !valid) throw new NotAllowed();
    return numbers;
  },
};

export const paths: Kind<readonly string[]> = {
  allowed: 'a comma-separated list of globs that begin with `/`',
  parse(value) {
    const items = list.parse(value);
    if (items.some((item) => !item.startsWith('/'))) throw new NotAllowed();
    return items;
  },
};

export const httpMethods: Kind<readonly string[] | undefined> = {
  allowed: 'a comma-separated list of at most 100 methods of HTTP',
  parse(value) {
    const items = list.parse(value);
    if (items.length === 0 || items.length > 100 || items.some((item) => !/^[\w-]+$/.test(item)))
      throw new NotAllowed();
    return items;
  },
};

export const path: Kind<string> = {
  allowed: 'a path that begins with `/`',
  parse(value) {
    if (!/^\/[^\s?#]*$/.test(value)) throw new NotAllowed();
    return value;
  },
};

export const redisUrl: Kind<string> = {
  allowed:
    '`redis://`, `rediss://` or `unix://` with host or path, for example `redis://user:password@127.0.0.1:6379/0`',
  parse(value) {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !['redis:', 'rediss:', 'unix:'].includes(url.protocol)) throw new NotAllowed();
    if (url.protocol === 'unix:' ? url.pathname === '' : url.hostname === '') throw new NotAllowed();
    if (url.protocol !== 'unix:' && !/^\/?\d*$/.test(url.pathname)) throw new NotAllowed();
    // A password with "/", "#" or "?" that is not encoded: what looks like host and port is a part of it.
    if (/[@#]/.test(url.pathname + url.search + url.hash)) throw new NotAllowed();
    return value;
  },
};

/** One node of a Redis Cluster, or one sentinel. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export const nodes: Kind<readonly HostPort[]> = {
  allowed: 'a comma-separated list of `host:port`',
  parse: (value) =>
    list.parse(value).map((item) => {
      const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:\s]+)):(?<port>\d{1,5})$/.exec(item);
      const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
      const port = Number(match?.groups?.['port']);
      if (host === undefined || !(port > 0 && port < 65_536)) throw new NotAllowed();
      return { host, port };
    }),
};

export const gaugeRules: Kind<readonly GaugeRule[]> = {
  allowed: `a comma-separated list of \`glob=mode\`; modes are ${GAUGE_MODES.map((mode) => `\`${mode}\``).join(', ')}`,
  parse: (value) =>
    list.parse(value).map((item) => {
      const at = item.lastIndexOf('=');
      const aggregation = GAUGE_MODES.find((mode) => mode === item.slice(at + 1).trim());
      const pattern = item.slice(0, Math.max(at, 0)).trim();
      if (aggregation === undefined || pattern === '') throw new NotAllowed();
      return { pattern, aggregation };
    }),
};
