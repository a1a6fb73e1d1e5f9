import { type Kind, list, nodes } from '../../config/setting-kinds.js';

/** A duration as a person writes it, in milliseconds: `500ms`, `10s`, `2m`; a number alone is seconds. */
export function duration(minMs: number, maxMs: number): Kind<number> {
  return {
    allowed: `a time such as 500ms, 10s or 2m, from ${minMs} ms to ${maxMs / 1000} s`,
    parse(text) {
      const match = /^(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s|m|min)?$/.exec(text.trim())?.groups;
      const factor = { ms: 1, s: 1000, m: 60_000, min: 60_000 }[match?.['unit'] ?? 's'] ?? Number.NaN;
      const ms = Number(match?.['amount']) * factor;
      if (!(ms >= minMs && ms <= maxMs)) throw new RangeError('not allowed');
      return ms;
    },
  };
}

/** Never none: `--family "$METRICS"` without a value must not mean all of them. */
export const globs: Kind<readonly string[]> = {
  allowed: 'a comma-separated list of globs such as http_*,nodejs_*, at least one',
  parse(text) {
    const found = list.parse(text);
    if (found.length === 0) throw new RangeError('not allowed');
    return found;
  },
};

/** Where Prometheus reaches a server, as it stands in a list of targets. */
export const hostAndPort: Kind<string> = {
  allowed: '`host:port`, for example metrics.example.com:9464',
  parse(text) {
    const found = nodes.parse(text);
    if (found.length !== 1 || !/^[\w.:[\]-]+$/.test(text)) throw new RangeError('not allowed');
    return text;
  },
};
