import { Option } from 'commander';

import type { SettingOptions } from '../../config/setting-options.js';
import { defaultText, plain, shown } from '../../config/setting-text.js';
import { SETTINGS, type Setting, type SettingName } from '../../config/settings.js';
import { CommandError } from '../exit-codes.js';
import { kebab } from './flags.js';

const GROUP = 'Settings (flag, or environment variable):';

export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[];

/** Every setting of the package as a flag; the help of a command shows those that matter to it. */
export function settingFlags(visible: readonly SettingName[]): Option[] {
  return SETTING_NAMES.map((name) => {
    const row: Setting = SETTINGS[name];
    const option = new Option(`--${kebab(name)} <value>`, settingHelp(row))
      .argParser((text: string) => checked(name, text))
      .helpGroup(GROUP);
    return visible.includes(name) ? option : option.hideHelp();
  });
}

/** The settings among the options that commander has read. */
export function givenSettings(options: Readonly<Record<string, unknown>>): SettingOptions {
  const given: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) if (options[name] !== undefined) given[name] = options[name];
  return given;
}

function settingHelp(row: Setting): string {
  const [sentence] = /^.*?\.(?=\s|$)/s.exec(row.description) ?? [row.description];
  return `${plain(sentence)} Variable: ${row.env[0]}. Default: ${plain(defaultText(row))}.`;
}

/** The text as it is: it is parsed where variables are. */
function checked(name: SettingName, text: string): string {
  const row: Setting = SETTINGS[name];
  try {
    row.kind.parse(text);
    return text;
  } catch {
    const allowed = plain(row.kind.allowed);
    throw new CommandError(
      'settings',
      `--${kebab(name)}: ${shown(row, text)} is not allowed. Allowed: ${allowed}.`,
    );
  }
}
