import { warning } from '../warnings.js';
import { optionText } from './setting-text.js';
import type { SettingOptions } from './setting-options.js';
import { SETTINGS, type Setting, type SettingName } from './settings.js';

/** The only file that reads `process.env`, and the only one that writes to it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment of this process. PM2 in cluster mode starts the preload before it sets the application's environment:
 * until then the ecosystem file's `env` is only inside the JSON of `pm2_env`. Our variables are taken from there, into
 * `process.env` itself, as PM2 does a moment later, because OpenTelemetry reads them there.
 */
export function processEnvironment(): Environment {
  const json = process.env['pm2_env'];
  if (json !== undefined) {
    try {
      const pm2: Record<string, unknown> = JSON.parse(json);
      for (const [key, value] of Object.entries(pm2)) {
        const ours =
          /^(?:ORCHESTRATOR_|OTEL_|REDIS_URL$|NODE_APP_INSTANCE$|pm_exec_path$|pm_id$|pm_cwd$)/.test(key);
        if (ours && ['string', 'number', 'boolean'].includes(typeof value))
          process.env[key] ??= String(value);
      }
    } catch {
      // The parser's own message quotes the text, and with it perhaps a password.
      const [message, code] = warning('ORCHESTRATOR_PM2_ENV_UNREADABLE', {});
      process.emitWarning(message, { type: 'OrchestratorWarning', code });
    }
  }
  return process.env;
}

/**
 * Runs `read` while the environment holds those options that OpenTelemetry reads there by itself. Afterwards the environment
 * is as it was: what the application and its child processes find in it is not our business.
 */
export function withOptionsInEnvironment<T>(options: SettingOptions, read: () => T): T {
  const variables: Record<string, string> = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const { env, readByOpenTelemetry = false }: Setting = SETTINGS[name];
    const variable = env.at(-1);
    if (!readByOpenTelemetry || options[name] === undefined || variable === undefined) continue;
    variables[variable] = optionText(options[name]);
  }
  return withVariables(variables, read);
}

/** Runs `read` with those variables. The environment is then as it was before. */
export function withVariables<T>(variables: Readonly<Record<string, string>>, read: () => T): T {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return read();
  } finally {
    for (const [variable, value] of before) setVariable(variable, value);
  }
}

function setVariable(variable: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, variable);
  else process.env[variable] = value;
}
