import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv, type ErrorObject } from 'ajv';
import { LineCounter, parseDocument, type Document } from 'yaml';

import { checkMeaning } from './check-meaning.js';
import { type ConfigFile, type Inherited, withDefaults } from './defaults.js';
import type { GatewayConfig } from './gateway-config.js';

/** `routes[0].timeoutMs` of a file as keys: `['routes', 0, 'timeoutMs']`. */
export type ConfigPath = ReadonlyArray<string | number>;

/** What is wrong, and where. */
export interface Problem {
  readonly path: ConfigPath;
  /** Continues the name of the path: `must be …`. */
  readonly message: string;
}

/** Its message names file, line, path, and what is allowed. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Compiled code lies in dist/src/config. */
const SCHEMA_FILE = join(__dirname, '../../../gateway.schema.json');

const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
  verbose: true,
}).compile<ConfigFile>(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as object);

/**
 * Reads YAML; JSON is YAML.
 *
 * @throws ConfigError with the first thing that is wrong
 */
export function loadConfig(file: string, inherited: Inherited): GatewayConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${file} cannot be read: ${(error as Error).message}. GATEWAY_CONFIG names the file.`,
    );
  }
  return parseConfig(text, file, inherited);
}

/** @throws ConfigError */
export function parseConfig(text: string, file: string, inherited: Inherited): GatewayConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const [syntax] = document.errors;
  if (syntax !== undefined) throw new ConfigError(`${file}: ${syntax.message.split('\n')[0]}`);
  const content: unknown = document.toJS() ?? {};
  const fail = (problem: Problem): never => {
    const name = nameOf(problem.path);
    throw new ConfigError(`${file}${placeOf(document, lines, problem.path)}: ${name} ${problem.message}`);
  };
  if (!validate(content)) fail(schemaProblem(validate.errors ?? []));
  const config = withDefaults(content as ConfigFile, inherited);
  const [meaning] = checkMeaning(config, inherited);
  if (meaning !== undefined) fail(meaning);
  return config;
}

function schemaProblem(errors: readonly ErrorObject[]): Problem {
  // What stands deepest says most: a branch of `if` complains as well, at the place where it begins.
  const error = errors
    .filter(({ keyword }) => keyword !== 'if')
    .toSorted((a, b) => b.instancePath.length - a.instancePath.length)[0];
  if (error === undefined) return { path: [], message: 'is not allowed' };
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return describe(error, path);
}

function describe({ keyword, params, message, data, parentSchema }: ErrorObject, path: ConfigPath): Problem {
  const given = `(it is ${JSON.stringify(data)?.slice(0, 80)})`;
  switch (keyword) {
    case 'additionalProperties': {
      const allowed = Object.keys((parentSchema?.['properties'] ?? {}) as object).filter(
        (key) => key !== '$schema',
      );
      const key = String(params['additionalProperty']);
      return { path: [...path, key], message: `is not known: allowed are ${allowed.join(', ')}` };
    }
    case 'enum':
      return {
        path,
        message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')} ${given}`,
      };
    case 'required':
      return { path, message: `needs ${String(params['missingProperty'])}` };
    case 'type':
      return {
        path,
        message: `must be ${params['type'] === 'integer' ? 'a whole number' : `of type ${String(params['type'])}`}${bounds(parentSchema)} ${given}`,
      };
    case 'minimum':
    case 'maximum':
      return { path, message: `must be a whole number${bounds(parentSchema)} ${given}` };
    default:
      return { path, message: `${message ?? 'is not allowed'} ${given}` };
  }
}

function bounds(schema: object | undefined): string {
  const { minimum, maximum } = (schema ?? {}) as { minimum?: number; maximum?: number };
  return minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`;
}

function nameOf(path: ConfigPath): string {
  const name = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return name === '' ? 'the file' : name.replace(/^\./, '');
}

/** `:12` for the line where a path, or the nearest part of it that is there, begins. */
function placeOf(document: Document, lines: LineCounter, path: ConfigPath): string {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return `:${lines.linePos(node.range[0]).line}`;
  }
  return '';
}
