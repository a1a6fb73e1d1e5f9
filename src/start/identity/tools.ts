import { basename } from 'node:path';

/** Package managers run before, beside or instead of an application, and inherit NODE_OPTIONS from it. Yarn has its version in its name. */
const PACKAGE_MANAGERS =
  /^(?:npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)(?:-cli|-\d+\.\d+\.\d+[\w.-]*)?(?:\.[cm]?js)?$/;

/** PM2's daemon and command line; its ProcessContainer is where an application runs. */
const PM2_TOOL =
  /[\\/]pm2[\\/](?:bin[\\/]pm2(?:-\w+)?|lib[\\/]Daemon(?:\.js)?|lib[\\/]binaries[\\/]\w+(?:\.js)?)$/;

/** With these Node reads the application without running it, or runs test files in processes of their own. */
const NOT_RUN = new Set(['--check', '-c', '--test']);

/**
 * True for a program that is never an application. `node inspect` is one: it starts the application in another process.
 *
 * @param script the main file as it was given; undefined without one
 */
export function isTool(script: string | undefined, execArgv: readonly string[]): boolean {
  if (execArgv.some((option) => NOT_RUN.has(option))) return true;
  if (script === undefined) return false;
  return script === 'inspect' || PACKAGE_MANAGERS.test(basename(script)) || PM2_TOOL.test(script);
}
