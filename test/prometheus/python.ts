import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { ReadSample } from './model.js';

export interface PythonInput {
  readonly format: 'text' | 'openmetrics';
  readonly text: string;
}

/**
 * One process for all cases: it takes a quarter of a second to start. The text parser adds `_total` to a counter that has
 * none; that is taken back.
 */
const PROGRAM = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
def name_of(family, sample, case):
    written = '# TYPE ' + sample.name + ' counter\\n' in case['text']
    return sample.name if family.type != 'counter' or case['format'] != 'text' or written else sample.name[:-len('_total')]
results = []
for case in json.loads(sys.stdin.buffer.read().decode('utf-8', 'strict')):
    try:
        families = list((openmetrics if case['format'] == 'openmetrics' else text)(case['text']))
        results.append({'samples': [
            {'name': name_of(f, s, case), 'labels': s.labels, 'value': repr(float(s.value))} for f in families for s in f.samples]})
    except Exception as error:
        results.append({'error': repr(error)})
sys.stdout.buffer.write(json.dumps(results).encode())
`;

interface Result {
  readonly error?: string;
  readonly samples?: ReadonlyArray<{ name: string; labels: Record<string, string>; value: string }>;
}

/** Debian's python3-prometheus-client reads each text; the error of one that it refuses. */
export async function readWithPython(cases: readonly PythonInput[]): Promise<Array<ReadSample[] | Error>> {
  const child = spawn('/usr/bin/python3', ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stdin.end(JSON.stringify(cases));
  await once(child, 'close');
  assert.equal(child.exitCode, 0);
  const results = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Result[];
  return results.map(({ error, samples }) =>
    samples === undefined
      ? new Error(error)
      : samples.map((sample) => ({ ...sample, value: pythonNumber(sample.value) })),
  );
}

function pythonNumber(text: string): number {
  if (text === 'nan') return NaN;
  return Number(text.replace('inf', 'Infinity'));
}
