import type { Command } from './command.js';
import { completion } from './commands/completion.js';
import { doctor } from './commands/doctor.js';
import { migrate } from './commands/migrate.js';
import { projects } from './commands/projects.js';

/** All commands, in the order of the help. A new one is a file of `commands/` and one line here. */
export const COMMANDS: readonly Command[] = [projects, doctor, migrate, completion];
