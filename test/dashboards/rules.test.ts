import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse } from 'yaml';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { readBoards } from './board-files.js';

const RULES = join(PACKAGE_ROOT, 'dashboards', 'rules');
const ruleFiles = yamlFiles(RULES);
const testFiles = yamlFiles(join(RULES, 'tests')).filter((file) => file !== 'job-limits.yml');

interface Rule {
  readonly alert?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleTests {
  readonly tests: ReadonlyArray<{
    readonly alert_rule_test?: ReadonlyArray<{ readonly alertname: string; readonly exp_alerts: unknown[] }>;
  }>;
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.yml'));
}

/** Throws with what promtool printed unless it ends with 0. */
function promtool(...args: readonly string[]): void {
  execFileSync('promtool', args, { cwd: join(RULES, 'tests'), encoding: 'utf8', stdio: 'pipe' });
}

function alerts(): Rule[] {
  const rules = ruleFiles.flatMap((file) => {
    const { groups } = parse(readFileSync(join(RULES, file), 'utf8')) as { groups: Array<{ rules: Rule[] }> };
    return groups.flatMap((group) => group.rules);
  });
  return rules.filter((rule) => rule.alert !== undefined);
}

test('promtool accepts the rules', () => {
  promtool('check', 'rules', ...ruleFiles.map((file) => join('..', file)));
});

test('the rules do what their tests say', () => {
  promtool('test', 'rules', ...testFiles);
});

test('every alert has a test in which it fires', () => {
  const fired = new Set<string>();
  for (const file of testFiles) {
    const { tests } = parse(readFileSync(join(RULES, 'tests', file), 'utf8')) as RuleTests;
    for (const { alertname, exp_alerts } of tests.flatMap((one) => one.alert_rule_test ?? []))
      if (exp_alerts.length > 0) fired.add(alertname);
  }
  const untested = alerts().filter((rule) => !fired.has(rule.alert ?? ''));
  assert.deepEqual(untested, []);
});

test('every alert has a severity, says what is wrong, and leads to a dashboard that exists', () => {
  const uids = new Set(Array.from(readBoards().values(), (board) => board.uid));
  for (const { alert, labels, annotations } of alerts()) {
    assert.ok(['page', 'ticket'].includes(labels?.['severity'] ?? ''), alert);
    assert.ok((annotations?.['summary'] ?? '').includes('{{'), `${alert} does not say whom it is about`);
    assert.ok((annotations?.['description'] ?? '').length > 20, alert);
    const [, uid] = /^\/d\/([\w-]+)/.exec(annotations?.['dashboard'] ?? '') ?? [];
    assert.ok(uid !== undefined && uids.has(uid), `${alert}: ${annotations?.['dashboard']}`);
  }
});
