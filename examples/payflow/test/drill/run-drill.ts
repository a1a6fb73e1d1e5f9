import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ROOT } from '../../local/instance.js';
import { providePrograms } from '../../local/programs.js';
import { withSection } from '../../scripts/marked-section.js';
import { command, say } from '../../src/cli/command.js';
import { scratchFolder } from '../../local/scratch.js';
import { runDrill } from './drill.js';
import { reportText } from './drill-report.js';

/**
 * `npm run drill -- --seconds 10 --clients 8`: the failover drill, and the same load without faults, as figures that it prints and
 * writes into the README.
 */
command(async () => {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '10' }, clients: { type: 'string', default: '8' } },
  });
  const [seconds, clients] = [Number(values.seconds), Number(values.clients)];
  providePrograms();
  const [withFaults, without] = [await drill(seconds, clients, true), await drill(seconds, clients, false)];
  const text = [
    `\`npm run drill -- --seconds ${seconds} --clients ${clients}\` on ${availableParallelism()} processors, with fsync. With faults:\n`,
    withFaults,
    'The same load without faults:\n',
    without,
  ].join('\n');
  say(text);
  const readme = join(ROOT, 'README.md');
  writeFileSync(readme, withSection(readFileSync(readme, 'utf8'), 'drill', text));
});

async function drill(seconds: number, clients: number, faults: boolean): Promise<string> {
  const dir = scratchFolder();
  try {
    return reportText(await runDrill({ dir, clients, users: 20, seconds, faults }));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
