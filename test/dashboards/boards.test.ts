import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { BOARDS, boardText } from '../../dashboards/all-boards.js';
import { BOARD_FOLDER } from './board-files.js';

test('the committed dashboards are those that the sources make', () => {
  assert.deepEqual(
    readdirSync(BOARD_FOLDER).toSorted(),
    Object.keys(BOARDS)
      .map((name) => `${name}.json`)
      .toSorted(),
  );
  for (const [name, board] of Object.entries(BOARDS)) {
    assert.equal(
      readFileSync(join(BOARD_FOLDER, `${name}.json`), 'utf8'),
      boardText(board),
      `${name}.json is old: npm run dashboards`,
    );
  }
});
