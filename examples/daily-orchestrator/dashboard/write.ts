import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../dev/application.js';
import { boardText } from './board.js';

/** `npm run dashboard` */
writeFileSync(join(ROOT, 'dashboard/daily-workflow.json'), boardText());
