import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { BOARDS, boardText } from '../dashboards/all-boards.js';

/** `npm run dashboards`: writes the dashboards as Grafana imports them. A test checks that they are current. */
const FOLDER = resolve(__dirname, '../../dashboards/json');

mkdirSync(FOLDER, { recursive: true });
for (const [name, board] of Object.entries(BOARDS))
  writeFileSync(join(FOLDER, `${name}.json`), boardText(board));
