import type { Environment } from '../../../config/environment.js';
import { readSettings } from '../../../config/read-settings.js';
import { shown } from '../../../config/setting-text.js';
import { SETTINGS, type Setting, type SettingName, type Settings } from '../../../config/settings.js';
import { reason } from '../../../errors.js';
import { optionText } from '../../../config/setting-text.js';
import { finding, type Finding } from '../findings.js';

/** A setting, what it came to, and why. */
export interface SettingSource {
  readonly name: SettingName;
  readonly variable: string;
  /** Without secrets. */
  readonly value: string;
  /** A flag, the variable that was set, or `default`. */
  readonly source: string;
}

/**
 * Every setting with its source. A variable that is invalid has no effect, so its source is the default.
 *
 * @param given those that came from flags
 */
export function settingSources(
  settings: Settings,
  environment: Environment,
  given: ReadonlySet<SettingName>,
): SettingSource[] {
  return (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const row: Setting = SETTINGS[name];
    const value = settings[name];
    const text = value === undefined ? '' : optionText(value);
    return {
      name,
      variable: row.env[0],
      value: text === '' ? '' : shown(row, text),
      source: given.has(name) ? 'flag' : (variableOf(row, environment) ?? 'default'),
    };
  });
}

function variableOf({ env, kind }: Setting, environment: Environment): string | undefined {
  const variable = env.find((name) => (environment[name] ?? '').trim() !== '');
  if (variable === undefined) return undefined;
  try {
    kind.parse((environment[variable] ?? '').trim());
    return variable;
  } catch {
    return undefined;
  }
}

/** Variables that are invalid or misspelt. */
export function checkVariables(environment: Environment): Finding[] {
  const findings: Finding[] = [];
  readSettings(environment, {}, (message, code) => {
    const [, variable = ''] = /^(\w+)/.exec(message) ?? [];
    if (code === 'ORCHESTRATOR_SETTING_IGNORED')
      findings.push(finding('setting-invalid', { message, variable }));
    if (code === 'ORCHESTRATOR_SETTING_UNKNOWN') {
      const [, nearest = ''] = /The nearest one is (\w+)/.exec(message) ?? [];
      findings.push(finding('setting-unknown', { variable, nearest }));
    }
  });
  return findings;
}

/** Settings that turn off what one would expect, or give something up. */
export function checkMeaning(settings: Settings): Finding[] {
  const findings: Finding[] = [];
  if (!settings.enabled) findings.push(turnedOff('ORCHESTRATOR_ENABLED', 'false'));
  if (settings.sdkDisabled) findings.push(turnedOff('OTEL_SDK_DISABLED', 'true'));
  if (!settings.metricsExporter.includes('orchestrator'))
    findings.push(turnedOff('OTEL_METRICS_EXPORTER', settings.metricsExporter.join(',')));
  if (settings.store === 'memory') findings.push(finding('memory-store', {}));
  if (!settings.redisTlsVerify) findings.push(finding('tls-not-verified', {}));
  return findings;
}

function turnedOff(variable: string, value: string): Finding {
  return finding('turned-off', { variable, value });
}

/** Settings that contradict each other or name files that cannot be read. */
export function checkTarget(read: () => unknown): Finding[] {
  try {
    read();
    return [];
  } catch (error) {
    return [finding('settings-incomplete', { message: reason(error) })];
  }
}

/**
 * Settings of a file that dotenv or nobody reads, and that are not in the environment.
 *
 * @param file its name; `text` its content
 */
export function checkEnvFile(
  file: string,
  text: string,
  environment: Environment,
  startCommands: readonly string[],
): Finding[] {
  if (startCommands.some((command) => command.includes('--env-file'))) return [];
  const known = new Set(Object.values<Setting>({ ...SETTINGS }).flatMap(({ env }) => env));
  const names = Array.from(
    text.matchAll(/^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*\S/gm),
    ([, name = '']) => name,
  );
  const missing = names.filter((name) => known.has(name) && (environment[name] ?? '') === '');
  return missing.length === 0 ? [] : [finding('settings-in-file', { names: missing.join(', '), file })];
}
