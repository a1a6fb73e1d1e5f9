import { formatTable } from '../output/table.js';
import type { Colours } from '../output/terminal.js';
import type { SettingSource } from './checks/settings.js';
import type { Finding } from './findings.js';

/** The findings for a person, what is broken first. */
export function findingsText(findings: readonly Finding[], { bold, red, yellow }: Colours): string {
  return ranked(findings)
    .map(({ severity, what, why, fix }) => {
      const mark = severity === 'broken' ? red('broken ') : yellow('warning');
      return `${mark}  ${bold(what)}\n         ${why}\n         $ ${fix}`;
    })
    .join('\n\n');
}

function ranked(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

/** Every setting, its value and where that comes from. */
export function settingsText(settings: readonly SettingSource[], { bold }: Colours): string {
  const rows = settings.map(({ variable, value, source }) => [variable, value, source]);
  return formatTable([{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'FROM' }], rows, bold);
}

/** Findings and settings for programs. */
export function doctorJson(findings: readonly Finding[], settings: readonly SettingSource[]): object {
  return { findings: ranked(findings), settings };
}
