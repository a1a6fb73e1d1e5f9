import { parseEnv } from 'node:util';

import type { Environment } from '../../../config/environment.js';
import { textOfFile } from '../../changes/file-change.js';

/**
 * The environment as Node makes it for the application: with the files that a start script names by `--env-file`. What is set
 * already wins, as with Node.
 */
export function withEnvFiles(
  folder: string,
  environment: Environment,
  startCommands: readonly string[],
): Environment {
  const files = startCommands.flatMap((command) =>
    Array.from(command.matchAll(/--env-file(?:-if-exists)?[=\s]+["']?([^\s"']+)/g), ([, file = '']) => file),
  );
  let merged = environment;
  for (const file of new Set(files)) {
    const text = textOfFile(folder, file);
    if (text !== undefined) merged = { ...(parseEnv(text) as Environment), ...merged };
  }
  return merged;
}
