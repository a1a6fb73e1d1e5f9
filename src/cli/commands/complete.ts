import { type Command as Completed, RootCommand } from '@bomb.sh/tab';

import { plain } from '../../config/setting-text.js';
import { SETTINGS, type Setting } from '../../config/settings.js';
import { deadline } from '../../event-loop/deadline.js';
import { kebab } from '../arguments/flags.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { withReader } from '../store/open-reader.js';

/** Whoever presses Tab does not wait longer for the names of projects, in milliseconds. */
const NAMES_MS = 1000;

/** Answers a shell that wants a word completed. Part of the script that `completion` prints, and not for people. */
export const complete: Command = defineCommand({
  name: 'complete',
  summary: 'Answers a shell: complete -- <words>.',
  settings: [],
  examples: [],
  isHidden: true,
  run: async (call) => {
    const root = new RootCommand();
    const [name] = call.rest;
    const asked = call.commands.find((command) => command.name === name);
    const projects =
      asked?.args.some(({ isProject }) => isProject === true) === true ? await projectNames(call) : [];
    for (const command of call.commands) if (command.isHidden !== true) add(root, command, projects);
    root.parse([...call.rest]);
  },
});

function add(root: RootCommand, command: Command, projects: readonly string[]): void {
  const completed = root.command(command.name, command.summary);
  for (const { name, isProject = false, variadic = false } of command.args) {
    completed.argument(
      name,
      (found) => {
        for (const project of isProject ? projects : []) found(project, 'project');
      },
      variadic,
    );
  }
  for (const [name, { description, value, kind, short }] of Object.entries(command.flags))
    addFlag(completed, kebab(name), description, value === undefined ? undefined : kind.allowed, short);
  addFlag(completed, 'json', 'Prints JSON instead of text.', undefined);
  for (const name of command.settings) {
    const row: Setting = SETTINGS[name];
    addFlag(completed, kebab(name), plain(row.description.split('. ', 1)[0] ?? ''), row.kind.allowed);
  }
}

/** @param allowed of the value, in words; undefined for a flag without one */
function addFlag(
  completed: Completed,
  name: string,
  description: string,
  allowed: string | undefined,
  short?: string,
): void {
  if (allowed === undefined) {
    completed.option(name, description, short);
    return;
  }
  completed.option(
    name,
    description,
    (found) => {
      for (const choice of choicesOf(allowed)) found(choice, '');
    },
    short,
  );
}

/** The values that a text such as "`redis`, `local`" lists; nothing for a text that says more. */
function choicesOf(allowed: string): string[] {
  const choices = Array.from(allowed.matchAll(/`([^`]+)`/g), ([, choice = '']) => choice);
  const rest = allowed.replaceAll(/`[^`]+`/g, '').replaceAll(/\bor\b|[,\s]/g, '');
  return rest === '' ? choices : [];
}

/** Those of the store that the environment names; none when it does not answer. */
async function projectNames(call: Pick<Call, 'settings' | 'terminal'>): Promise<string[]> {
  try {
    return await withReader(call, async (reader) => {
      const found = await deadline(reader.projects(), NAMES_MS, () => new Error('too late'));
      return found.map(({ prefix }) => prefix);
    });
  } catch {
    return [];
  }
}
