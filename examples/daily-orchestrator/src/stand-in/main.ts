import { EsiStandIn } from './esi-stand-in.js';
import { FULL_SIZE } from './universe.js';

/** `npm run esi:stand-in -- [port] [alliances] [corporations] [delay in ms]` */
async function main(): Promise<void> {
  const [port, alliances, corporations, delayMs] = process.argv.slice(2).map(Number);
  const standIn = new EsiStandIn(
    {
      alliances: alliances ?? FULL_SIZE.alliances,
      corporations: corporations ?? FULL_SIZE.corporations,
    },
    { delayMs: delayMs ?? 0 },
  );
  process.stdout.write(`ESI_BASE_URL=${await standIn.listen(port ?? 8585)}\n`);
}

void main();
