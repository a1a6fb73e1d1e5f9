import { parseAmount } from '../money/money.js';

/** How the text of a variable becomes a value. `parse` answers undefined for a text that is not allowed. */
export interface Kind<Value> {
  readonly allowed: string;
  readonly parse: (text: string) => Value | undefined;
}

/** A whole number of a range, both ends included. */
export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export const text: Kind<string> = { allowed: 'any text', parse: (value) => value };

export const boolean: Kind<boolean> = {
  allowed: '`true` or `false`',
  parse: (value) => ({ true: true, '1': true, false: false, '0': false })[value.toLowerCase()],
};

export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    allowed: words.map((word) => `\`${word}\``).join(', '),
    parse: (value) => words.find((word) => word.toLowerCase() === value.toLowerCase()),
  };
}

export const path: Kind<string> = {
  allowed: 'a path that begins with `/`',
  parse: (value) => (/^\/\S*$/.test(value) ? value : undefined),
};

/** In minor units of a currency with two decimals. */
export const amount: Kind<bigint> = {
  allowed: 'an amount with at most two decimals',
  parse: (value) => {
    try {
      return parseAmount(value, 'EUR');
    } catch {
      return undefined;
    }
  },
};

/** An instance of a service, and its share of the calls. */
export interface WeightedUrl {
  readonly url: string;
  readonly weight: number;
}

export const weightedUrls: Kind<readonly WeightedUrl[]> = {
  allowed: 'a comma-separated list of `http://host:port` or `http://host:port=weight`',
  parse: (value) => {
    const parts = value.split(',').map((part) => part.trim());
    const urls = parts.filter((part) => part !== '').map(weightedUrl);
    return urls.every((url) => url !== undefined) ? urls : undefined;
  },
};

function weightedUrl(part: string): WeightedUrl | undefined {
  const [, url, weight = '1'] = /^(https?:\/\/[^\s/=?#@]+)(?:=([1-9]\d{0,3}))?$/.exec(part) ?? [];
  return url === undefined || !URL.canParse(url) ? undefined : { url, weight: Number(weight) };
}
