import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { SETTINGS, type Setting } from '../src/settings/settings.js';

export const README_START = '<!-- settings: npm run docs writes this table -->';
export const README_END = '<!-- end of settings -->';

/** The table of the README. */
export function settingsTable(): string {
  const rows = Object.values<Setting>(SETTINGS).map(({ env, fallback, what, choices, min, max }) => {
    const allowed =
      choices === undefined
        ? min === undefined
          ? ''
          : ` From ${min} to ${max}.`
        : ` One of ${choices.map((choice) => `\`${choice}\``).join(', ')}.`;
    return `| \`${env}\` | ${fallback === '' ? 'not set' : `\`${fallback}\``} | ${what}${allowed} |`;
  });
  return ['| Variable | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

if (require.main === module) {
  const file = join(__dirname, '../../README.md');
  const readme = readFileSync(file, 'utf8');
  const [start, end] = [readme.indexOf(README_START), readme.indexOf(README_END)];
  if (start < 0 || end < start) throw new Error('README.md has no place for the table');
  writeFileSync(
    file,
    `${readme.slice(0, start)}${README_START}\n\n${settingsTable()}\n\n${readme.slice(end)}`,
  );
}
