import { isCancel, select, text } from '@clack/prompts';

import { sanitizePrefix } from '../../config/prefix.js';
import { redisUrl as redisUrlKind } from '../../config/setting-kinds.js';
import { CommandError } from '../exit-codes.js';
import type { Terminal } from '../output/terminal.js';
import { askYes } from '../output/ask.js';
import type { Answers } from './plan.js';

/** What flags and settings have answered already; the rest is asked, or has its default where nobody can be asked. */
export type Given = { readonly [Name in keyof Answers]?: Answers[Name] | undefined } & {
  /** Whether a Redis user is wanted. */
  readonly redisUser?: boolean | undefined;
  readonly store?: 'local' | 'redis' | undefined;
};

export interface Defaults {
  readonly name: string;
  readonly start: Answers['start'];
  readonly port: number;
  readonly password: string;
}

/** Of `orchestrator serve` beside the applications of a host, whose ports begin at 9464. */
const SERVE_PORT = 9460;

/** The answers without asking. */
export function answersFrom(given: Given, defaults: Defaults): Answers {
  const redisUrl = given.store === 'local' ? undefined : given.redisUrl;
  const port = given.port ?? defaults.port;
  const prometheus = given.prometheus ?? 'static';
  return {
    name: given.name ?? defaults.name,
    start: given.start ?? defaults.start,
    redisUrl,
    redisPassword: given.redisUser === true && redisUrl !== undefined ? defaults.password : undefined,
    port,
    prometheus,
    target: given.target ?? `localhost:${prometheus === 'http-sd' ? SERVE_PORT : port}`,
    grafana: given.grafana ?? 'import',
  };
}

/** Asks for everything that is not given. Ctrl+C ends with a CommandError. */
export async function askAnswers(terminal: Terminal, given: Given, defaults: Defaults): Promise<Answers> {
  const ask = new Asker(terminal);
  const name = given.name ?? (await ask.text('Name of the project', defaults.name, nameProblem));
  const start =
    given.start ??
    (await ask.choice<Answers['start']>('How is it started?', defaults.start, {
      script: 'npm start',
      pm2: 'PM2',
      docker: 'Docker',
      kubernetes: 'Kubernetes',
      none: 'Another way: change nothing',
    }));
  const store =
    given.store ??
    (given.redisUrl !== undefined
      ? 'redis'
      : await ask.choice<'local' | 'redis'>('Where are its processes summed?', 'local', {
          local: 'Files of this host, for the processes of one user',
          redis: 'Redis, for several hosts or containers',
        }));
  const redisUrl =
    store === 'local'
      ? undefined
      : (given.redisUrl ?? (await ask.text('Address of Redis', 'redis://127.0.0.1:6379', urlProblem)));
  const redisUser =
    redisUrl !== undefined &&
    (given.redisUser ??
      (await askYes(terminal, 'Create a Redis user that reaches only this project?', '--redis-user')));
  const prometheus =
    given.prometheus ??
    (await ask.choice<Answers['prometheus']>('How does Prometheus find it?', 'static', {
      static: 'At its own endpoint',
      'http-sd': 'Through "orchestrator serve", with all projects of the store',
      none: 'Another way: write nothing',
    }));
  const grafana =
    given.grafana ??
    (await ask.choice<Answers['grafana']>('Dashboards of Grafana', 'import', {
      import: 'I import them by hand',
      provisioning: 'A provisioning file',
      none: 'None',
    }));
  return answersFrom({ ...given, name, start, store, redisUrl, redisUser, prometheus, grafana }, defaults);
}

function nameProblem(name: string): string | undefined {
  try {
    sanitizePrefix(name);
    return undefined;
  } catch {
    return 'It needs at least one of a-z, 0-9.';
  }
}

function urlProblem(url: string): string | undefined {
  try {
    redisUrlKind.parse(url);
    return undefined;
  } catch {
    return 'redis://, rediss:// or unix:// with host or path';
  }
}

class Asker {
  readonly #streams: Pick<Terminal['streams'], 'input' | 'output'>;

  constructor({ streams: { input, output } }: Terminal) {
    this.#streams = { input, output };
  }

  async text(
    message: string,
    initialValue: string,
    problem: (text: string) => string | undefined,
  ): Promise<string> {
    const validate = (value: string | undefined): string | undefined => problem(value ?? '');
    return answered(await text({ message, initialValue, validate, ...this.#streams }));
  }

  async choice<T extends string>(
    message: string,
    initialValue: T,
    options: Readonly<Record<T, string>>,
  ): Promise<T> {
    const list = Object.entries<string>(options).map(([value, label]) => ({ value, label }));
    return answered(await select({ message, initialValue, options: list, ...this.#streams })) as T;
  }
}

function answered(answer: string | symbol): string {
  if (typeof answer === 'symbol' || isCancel(answer))
    throw new CommandError('interrupted', 'Nothing was written.');
  return answer;
}
