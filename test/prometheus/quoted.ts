import assert from 'node:assert/strict';

import type { ReadSample } from './model.js';

/** `# TYPE "a.b" counter`, `# HELP a text`; names quoted or not. */
const COMMENT = /^# (?:EOF$|(?:HELP|TYPE|UNIT) (?:"(?:[^"\\]|\\[\\n"])*"|[a-zA-Z_:][a-zA-Z0-9_:]*) )/;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const QUOTED = /^"((?:[^"\\]|\\[\\n"])*)"/s;

/**
 * Samples of a text in which names may be quoted (text 1.0.0, OpenMetrics with `escaping=allow-utf-8`):
 * `{"näme","läbel"="value",plain="value"} 1`. Nothing that Debian has reads it.
 */
export function readQuoted(text: string): ReadSample[] {
  const samples: ReadSample[] = [];
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('#')) assert.match(line, COMMENT);
    else samples.push(readSample(line));
  }
  return samples;
}

function readSample(line: string): ReadSample {
  const scan = new Scan(line);
  let name = scan.optional(NAME)?.[0];
  const labels: Record<string, string> = {};
  if (scan.skip('{')) {
    while (!scan.skip('}')) {
      const quoted = scan.optional(QUOTED)?.[1];
      const key = quoted === undefined ? scan.required(LABEL)[0] : unescape(quoted);
      if (scan.skip('=')) {
        assert.ok(!Object.hasOwn(labels, key), line);
        labels[key] = unescape(scan.required(QUOTED)[1] ?? '');
      } else {
        assert.ok(name === undefined && quoted !== undefined, `the metric name: ${line}`);
        name = key;
      }
      if (!scan.skip(',')) assert.ok(scan.rest.startsWith('}'), line);
    }
  }
  assert.ok(name !== undefined && scan.skip(' '), line);
  assert.match(scan.rest, /^\S+$/);
  return { name, labels, value: Number(scan.rest.replace(/Inf$/, 'Infinity')) };
}

class Scan {
  rest: string;

  constructor(line: string) {
    this.rest = line;
  }

  skip(text: string): boolean {
    if (!this.rest.startsWith(text)) return false;
    this.rest = this.rest.slice(text.length);
    return true;
  }

  optional(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.rest) ?? undefined;
    if (match !== undefined) this.rest = this.rest.slice(match[0].length);
    return match;
  }

  required(pattern: RegExp): RegExpExecArray {
    return this.optional(pattern) ?? assert.fail(`${pattern.source} expected: ${this.rest}`);
  }
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
