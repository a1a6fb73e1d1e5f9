import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { providePrograms } from '../../local/programs.js';
import { command, say } from '../../src/cli/command.js';
import { scratchFolder } from '../../local/scratch.js';
import { runDrill } from './drill.js';
import { reportText } from './drill-report.js';

/** `npm run drill -- --seconds 10 --clients 8`: the failover drill, and the same load without faults, as figures. */
command(async () => {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '10' }, clients: { type: 'string', default: '8' } },
  });
  providePrograms();
  for (const faults of [true, false]) {
    const dir = scratchFolder();
    const options = {
      dir,
      clients: Number(values.clients),
      users: 20,
      seconds: Number(values.seconds),
      faults,
    };
    say(`\n## ${faults ? 'With faults' : 'The same load without faults'}\n`);
    say(reportText(await runDrill(options)));
    rmSync(dir, { recursive: true, force: true });
  }
});
