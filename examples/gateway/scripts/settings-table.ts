import { SETTINGS, type Setting } from '../src/settings/settings.js';
import { writeReadmeSection } from './readme-section.js';

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

if (require.main === module) writeReadmeSection(README_START, README_END, settingsTable());
