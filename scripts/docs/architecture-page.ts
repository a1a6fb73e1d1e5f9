import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { FLOORS, LIMITS, LONG_FILES, RESERVED } from '../architecture.js';
import { table } from './markdown.js';
import { handWrittenPage, ROOT, withRegion } from './region.js';

/** `docs/architecture.md`: its picture and its rules are drawn from scripts/architecture.ts, the rest is written by hand. */
export function architecturePage(): string {
  const content = [PICTURE_INTRO, picture(), rooms(), rules()].join('\n\n');
  return withRegion(handWrittenPage('docs/architecture.md'), 'floors', content);
}

const PICTURE_INTRO = `\`src\` stands on floors. A folder or file imports only from floors below its own: never from above, and never from its own floor. In
each folder, the files and sub-folders form no circle. \`import type\` and \`require\` count as well.`;

function picture(): string {
  const lines = FLOORS.map((floor) => Object.keys(floor).map(shortName).join('   '));
  return ['```text', ...lines, '```'].join('\n');
}

function rooms(): string {
  return table(
    ['In `src`', 'What is there'],
    FLOORS.flatMap((floor) => Object.entries(floor)).map(([room, what]) => [
      `\`${room.endsWith('.ts') ? room : `${room}/`}\``,
      what,
    ]),
  );
}

function rules(): string {
  const reserved = table(
    ['What only some places may touch', 'Where', 'Why there'],
    RESERVED.flatMap(({ what, places }) =>
      Object.entries(places)
        .filter(([place]) => ['', '.ts'].some((ending) => existsSync(join(ROOT, place + ending))))
        .map(([place, why], index) => [index === 0 ? what : '', `\`${place}\``, why]),
    ),
  );
  const { filesOfFolder, filesOfRoot, linesOfFile } = LIMITS;
  const long = Object.entries(LONG_FILES).map(([path, why]) => `\`${path}\` (${why})`);
  return `${reserved}

A folder has at most ${filesOfFolder} files, the root of \`src\` ${filesOfRoot}; a file has at most ${linesOfFile} lines. Longer: ${long.join(', ')}.

\`test/architecture.test.ts\` checks all of this, and that each check finds a violation that is planted for it.`;
}

function shortName(room: string): string {
  return room.replace(/\.ts$/, '');
}
