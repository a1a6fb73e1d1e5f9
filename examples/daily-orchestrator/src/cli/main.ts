import { Command, InvalidArgumentError } from 'commander';

import { WORKER_KINDS } from '../workers/kinds.js';
import { EXIT } from '../workflow/manual.js';
import { STEP_NAMES } from '../workflow/steps.js';
import { checkCommand } from './check-command.js';
import { command } from './process.js';
import { listQueuesCommand, queueCountCommand } from './queue-commands.js';
import { daemonCommand, manualCommand, stepCommand } from './run-command.js';
import { statusCommand } from './status-command.js';
import { workerCommand, type WorkerOptions } from './worker-command.js';

interface JsonOption {
  readonly json?: true;
}

const workers = new Set<string>(WORKER_KINDS.map(({ step }) => step));

function aStep(name: string): string {
  if (!STEP_NAMES.includes(name)) throw new InvalidArgumentError(`Allowed: ${STEP_NAMES.join(', ')}.`);
  return name;
}

function program(): Command {
  const main = new Command('daily-orchestrator')
    .description('Refreshes all alliances and corporations of EVE Online, once a day.')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.success : EXIT.usage));
  main
    .command('run')
    .description('run the workflow each day, until SIGTERM; with --manual, once and now')
    .option('--manual', 'run it once, now; the exit code tells how it ended')
    .option('--from <step>', 'with --manual: go on with this step', aStep)
    .action(async ({ manual, from }: { manual?: true; from?: string }) => {
      if (manual === undefined && from !== undefined) main.error('--from needs --manual.');
      await command((settings) => (manual ? manualCommand(settings, from) : daemonCommand(settings)));
    });
  for (const step of STEP_NAMES) {
    if (workers.has(step)) addWorker(main, step);
    else {
      main
        .command(step)
        .description('run this step')
        .action(() => command((settings) => stepCommand(settings, step)));
    }
  }
  json(main.command('status').description('the last runs and their steps'), statusCommand);
  json(main.command('check').description('whether everything is ready: the checklist'), checkCommand);
  json(main.command('rabbitmq:list-queues').description('all queues'), listQueuesCommand);
  main
    .command('rabbitmq:queue-count <queue>')
    .description('messages of one queue')
    .option('--json', 'print JSON')
    .action((queue: string, { json: asJson }: JsonOption) =>
      command((settings) => queueCountCommand(settings, queue, asJson === true)),
    );
  return main;
}

function addWorker(main: Command, step: string): void {
  main
    .command(step)
    .description('work on messages until SIGTERM; with --until-empty, as this step of a run')
    .option('--queue <name>', "work on another system's queue")
    .option('--until-empty', 'end when the items of the current run are finished')
    .action((options: WorkerOptions) => {
      if (options.queue !== undefined && options.untilEmpty === true) {
        main.error("--until-empty is for the workflow's own queue, not for --queue.");
      }
      return command((settings) => workerCommand(settings, step, options));
    });
}

function json(
  made: Command,
  run: (settings: Parameters<typeof statusCommand>[0], asJson: boolean) => Promise<number>,
): void {
  made
    .option('--json', 'print JSON')
    .action(({ json: asJson }: JsonOption) => command((settings) => run(settings, asJson === true)));
}

void program().parseAsync();
