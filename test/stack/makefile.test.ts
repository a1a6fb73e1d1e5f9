import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { copyStack } from './stack-folder.js';
import type { Owner } from '../helpers/owner.js';

/** The Makefile with a compose that writes down what it is asked to do; there is no container engine where tests run. */
class Stack {
  readonly folder: string;
  readonly #asked: string;

  constructor(owner: Owner, composeStatus = 0) {
    this.folder = copyStack(owner);
    this.#asked = join(this.folder, 'asked');
    const compose = join(this.folder, 'compose');
    writeFileSync(compose, `#!/bin/sh\necho "$@" >>"${this.#asked}"\nexit ${composeStatus}\n`);
    chmodSync(compose, 0o755);
  }

  make(...args: readonly string[]): { status: number | null; output: string } {
    const env = { PATH: process.env['PATH'], COMPOSE: join(this.folder, 'compose') };
    const { status, stdout, stderr } = spawnSync('make', args, { cwd: this.folder, encoding: 'utf8', env });
    return { status, output: stdout + stderr };
  }

  /** What compose was asked, without what is the same in all calls. */
  asked(): string[] {
    if (!existsSync(this.#asked)) return [];
    return readFileSync(this.#asked, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace('--env-file .env.generated --file compose.yaml --profile ', ''));
  }

  get remembered(): string | undefined {
    const file = join(this.folder, '.profile.state');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }
}

test('start remembers the profile, and everything after it uses it', (t) => {
  const stack = new Stack(t);
  const { status, output } = stack.make('start', 'PROFILE=gateway');
  assert.equal(status, 0, output);
  assert.match(output, /Grafana +http:\/\/127\.0\.0\.1:3001/);
  assert.equal(stack.remembered, 'gateway');
  for (const target of ['status', 'logs', 'stop']) assert.equal(stack.make(target).status, 0, target);
  assert.deepEqual(stack.asked(), [
    'gateway up --detach --build --wait',
    'gateway ps',
    'gateway logs --follow --tail 100',
    'gateway down',
  ]);
  assert.equal(stack.remembered, undefined);
});

test('without a profile it is core; a remembered one is started again', (t) => {
  const stack = new Stack(t);
  stack.make('start');
  assert.equal(stack.remembered, 'core');
  stack.make('start');
  assert.deepEqual(stack.asked(), ['core up --detach --build --wait', 'core up --detach --build --wait']);
});

test('another profile stops the one that runs', (t) => {
  const stack = new Stack(t);
  stack.make('start', 'PROFILE=dev');
  stack.make('start', 'PROFILE=gateway');
  assert.deepEqual(stack.asked(), [
    'dev up --detach --build --wait',
    'dev down',
    'gateway up --detach --build --wait',
  ]);
  assert.equal(stack.remembered, 'gateway');
});

test('a start that fails is remembered all the same, so that stop finds what it left', (t) => {
  const stack = new Stack(t, 1);
  assert.notEqual(stack.make('start', 'PROFILE=dev').status, 0);
  assert.equal(stack.remembered, 'dev');
});

test('an unknown profile is refused before anything happens', (t) => {
  const stack = new Stack(t);
  const { status, output } = stack.make('start', 'PROFILE=prod');
  assert.notEqual(status, 0);
  assert.match(output, /PROFILE=prod is not one of: dev core gateway/);
  assert.deepEqual(stack.asked(), []);
  assert.equal(stack.remembered, undefined);
});

test('stop stops what was started, whatever profile it is given', (t) => {
  const stack = new Stack(t);
  stack.make('start', 'PROFILE=gateway');
  assert.equal(stack.make('stop', 'PROFILE=dev').status, 0);
  assert.deepEqual(stack.asked(), ['gateway up --detach --build --wait', 'gateway down']);
});

test('stop, status and logs before any start say so', (t) => {
  const stack = new Stack(t);
  for (const target of ['stop', 'status', 'logs'])
    assert.match(stack.make(target).output, /Nothing was started/);
  assert.deepEqual(stack.asked(), []);
});

test('nothing in the Makefile can delete a volume or reach beyond its project', () => {
  const text = readFileSync(join(__dirname, '../../../examples/stack/Makefile'), 'utf8');
  assert.doesNotMatch(text, /--volumes|\sdown.* -v\b|\bprune\b|\brm -[a-z]*r|volume rm|system /);
});
