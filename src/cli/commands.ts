import type { Command } from './command.js';
import { complete } from './commands/complete.js';
import { completion } from './commands/completion.js';
import { diff } from './commands/diff.js';
import { doctor } from './commands/doctor.js';
import { init } from './commands/init.js';
import { instances } from './commands/instances.js';
import { load } from './commands/load.js';
import { migrate } from './commands/migrate.js';
import { projects } from './commands/projects.js';
import { serve } from './commands/serve.js';
import { series } from './commands/series.js';
import { snapshot } from './commands/snapshot.js';
import { watch } from './commands/watch.js';
import { wipe } from './commands/wipe.js';

/** All commands, in the order of the help. A new one is a file of `commands/` and one line here. */
export const COMMANDS: readonly Command[] = [
  serve,
  projects,
  instances,
  series,
  snapshot,
  diff,
  watch,
  wipe,
  doctor,
  init,
  migrate,
  load,
  completion,
  complete,
];
