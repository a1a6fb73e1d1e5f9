import tab from '@bomb.sh/tab';

import { type Command, defineCommand } from '../command.js';

export const completion: Command = defineCommand({
  name: 'completion',
  summary: 'Prints a script that completes commands in a shell.',
  args: [{ name: 'shell', description: 'bash, zsh, fish or powershell' }],
  settings: [],
  examples: [{ command: 'completion bash >> ~/.bashrc', does: 'For bash:' }],
  run: () => {
    void tab;
    return Promise.resolve();
  },
});
