import { orchestratorError } from '../errors.js';
import { type Warn, warning } from '../warnings.js';
import type { Environment } from './environment.js';
import { defaultText, optionText, plain, shown } from './setting-text.js';
import type { SettingOptions } from './setting-options.js';
import { SETTINGS, type Setting, type SettingName, type Settings } from './settings.js';
import { refuseUnknownOptions, warnOfMisspeltVariables } from './unknown-names.js';

/**
 * Reads all settings. Empty means unset. An invalid variable costs one warning with its name, its value, what is allowed
 * and what is used instead; an invalid option is the caller's mistake and throws ORCHESTRATOR_INVALID_SETTING. Names that do
 * not exist are treated in the same way.
 */
export function readSettings(env: Environment, options: SettingOptions, warn: Warn): Settings {
  refuseUnknownOptions(options);
  warnOfMisspeltVariables(env, warn);
  const settings: Partial<Record<SettingName, unknown>> = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    settings[name] =
      options[name] === undefined
        ? fromEnvironment(SETTINGS[name], env, warn)
        : fromOption(name, options[name]);
  }
  return settings as Settings;
}

function fromEnvironment(row: Setting, env: Environment, warn: Warn): unknown {
  for (const variable of row.env) {
    const value = env[variable]?.trim();
    if (value === undefined || value === '') continue;
    try {
      return row.kind.parse(value);
    } catch {
      const allowed = plain(row.kind.allowed);
      const used = { variable, value: shown(row, value), allowed, default: plain(defaultText(row)) };
      warn(...warning('ORCHESTRATOR_SETTING_IGNORED', used));
      return row.default;
    }
  }
  return row.default;
}

/** Options are checked by the parsers of the environment, so that both accept exactly the same. */
function fromOption(name: SettingName, value: unknown): unknown {
  const row: Setting = SETTINGS[name];
  const text = optionText(value);
  try {
    return row.kind.parse(text);
  } catch {
    const allowed = plain(row.kind.allowed);
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'option', {
      option: name,
      value: shown(row, text),
      allowed,
    });
  }
}
