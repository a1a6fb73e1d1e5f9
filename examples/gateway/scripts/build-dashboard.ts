import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { gatewayBoard } from '../dashboard/gateway-board.js';

// Compiled code lies in dist/scripts.
writeFileSync(
  join(__dirname, '../../dashboard/gateway.json'),
  `${JSON.stringify(gatewayBoard(), null, 2)}\n`,
);
