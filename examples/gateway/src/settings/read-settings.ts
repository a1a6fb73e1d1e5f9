import { isIP } from 'node:net';

import { SETTINGS, type Setting } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What was read: text, with '' for "not set", unless the kind says otherwise. */
export type Settings = {
  readonly [Name in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[Name]['kind']>;
} & {
  /** Name of an upstream -> its base URLs, from `SERVICE_<NAME>_BASE_URL`. */
  readonly services: ReadonlyMap<string, readonly string[]>;
};

type ValueOf<Kind extends Setting['kind']> = Kind extends 'flag'
  ? boolean
  : Kind extends 'integer' | 'port'
    ? number
    : Kind extends 'list'
      ? readonly string[]
      : string;

const SERVICE = /^SERVICE_([A-Z0-9_]+)_BASE_URL$/;

/** Names every variable that is wrong, what it holds and what is allowed. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** @throws SettingsError */
export function readSettings(env: Environment): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    try {
      values[name] = parse(setting, textOf(setting, env));
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  const services = readServices(env, problems);
  if ((values['tlsCertFile'] === '') !== (values['tlsKeyFile'] === ''))
    problems.push('TLS_CERT_FILE and TLS_KEY_FILE belong together: set both, or none.');
  if (values['tlsClientCaFile'] !== '' && values['tlsCertFile'] === '')
    problems.push('TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE.');
  if (problems.length > 0) throw new SettingsError(problems);
  return { ...values, services } as unknown as Settings;
}

/** Empty means "not set". */
function textOf({ env: name, fallback }: Setting, env: Environment): string {
  const text = env[name]?.trim() ?? '';
  return text === '' ? fallback : text;
}

function parse(setting: Setting, text: string): unknown {
  const { env, kind } = setting;
  switch (kind) {
    case 'flag':
      if (!/^(?:true|false|1|0)$/i.test(text)) throw refusal(setting, text, 'true or false');
      return /^(?:true|1)$/i.test(text);
    case 'integer':
    case 'port': {
      const { min = kind === 'port' ? 0 : Number.MIN_SAFE_INTEGER, max = 65_535 } = setting;
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || value < min || value > max)
        throw refusal(setting, text, `a whole number from ${min} to ${max}`);
      return value;
    }
    case 'choice':
      return choice(setting, text);
    case 'url':
      if (text !== '' && !URL.canParse(text))
        throw new Error(`${env} is not a URL: ${withoutCredentials(text)}`);
      return text.replace(/\/+$/, '');
    case 'list': {
      const items = text.split(',').map((item) => item.trim());
      const wrong = items.find((item) => item !== '' && isIP(item.replace(/\/\d+$/, '')) === 0);
      if (wrong !== undefined)
        throw refusal(setting, wrong, 'addresses or networks, such as 10.0.0.0/8, between commas');
      return items.filter((item) => item !== '');
    }
    default:
      return text;
  }
}

function choice(setting: Setting, text: string): string {
  if (setting === SETTINGS.dbConnection) {
    if (/^(?:mysql|mariadb)$/i.test(text))
      throw new Error(
        `DB_CONNECTION is "${text}": the state of flows is kept in PostgreSQL only, because it rests on its locks and JSON. Set "pgsql", or "none" to run without flows.`,
      );
    if (/^postgres(?:ql)?$/i.test(text)) return 'pgsql';
  }
  const found = setting.choices?.find((allowed) => allowed === text.toLowerCase());
  if (found === undefined) throw refusal(setting, text, `one of ${setting.choices?.join(', ')}`);
  return found;
}

function refusal({ env }: Setting, text: string, allowed: string): Error {
  return new Error(`${env} is "${text}": allowed is ${allowed}.`);
}

function readServices(env: Environment, problems: string[]): Map<string, readonly string[]> {
  const services = new Map<string, readonly string[]>();
  for (const [variable, text] of Object.entries(env)) {
    const name = SERVICE.exec(variable)?.[1];
    if (name === undefined || text === undefined || text.trim() === '') continue;
    const urls = text.split(',').map((url) => url.trim());
    const problem = urls.map((url) => targetProblem(url)).find((found) => found !== undefined);
    if (problem === undefined) services.set(name.toLowerCase().replaceAll('_', '-'), urls);
    else problems.push(`${variable} ${problem}`);
  }
  return services;
}

/** Says why a text cannot be the base URL of a target; undefined if it can. */
export function targetProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return `is not a URL: ${withoutCredentials(text)}`;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `has the scheme "${url.protocol}": allowed are http: and https:`;
  if (url.username !== '' || url.password !== '')
    return 'holds a user or a password: put them into a header of the route instead';
  if (url.search !== '' || url.hash !== '') return 'holds a query or a fragment: a base URL has neither';
  return undefined;
}

function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//***@');
}
