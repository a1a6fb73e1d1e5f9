import { hasPreload, PRELOAD_OPTION } from './preload.js';

/** What was made of a start command, or why nothing was. */
export type EditedCommand =
  | { readonly kind: 'edited'; readonly command: string }
  /** The preload is there, or nothing in it runs an application. */
  | { readonly kind: 'as it was' }
  /** It runs an application in a way that is not ours to change. */
  | { readonly kind: 'by hand'; readonly why: string };

/** Programs that start Node by themselves, and how their users give it an option. */
const LAUNCHERS: Readonly<Record<string, string>> = {
  nodemon: 'nodemon passes options on: nodemon --require @org/orchestrator/register app.js',
  tsx: 'tsx passes options on: tsx --require @org/orchestrator/register app.ts',
  'ts-node': 'set NODE_OPTIONS="--require @org/orchestrator/register" where the application is started',
  next: 'set NODE_OPTIONS="--require @org/orchestrator/register" where the application is started',
  nest: 'start the built application: node --require @org/orchestrator/register dist/main.js',
  nuxt: 'set NODE_OPTIONS="--require @org/orchestrator/register" where the application is started',
  fastify: 'set NODE_OPTIONS="--require @org/orchestrator/register" where the application is started',
  'react-scripts': 'set NODE_OPTIONS="--require @org/orchestrator/register" where the application is started',
};

/** Words before a program that do not change which one it is. */
const BEFORE_PROGRAM =
  /^(?:(?:[A-Za-z_]\w*=(?:"[^"]*"|'[^']*'|[^\s"']*)|exec|env|cross-env|dotenv|--|npx|nohup|time)\s+)*/;

/**
 * Adds the preload to the Node of a start command: `NODE_ENV=production node app.js` and every part of `build && node app.js`.
 * PM2's command line gets it as `--node-args`. Whatever is quoted in a way that would need a shell to be understood stays.
 */
export function withPreload(command: string): EditedCommand {
  if (hasPreload(command)) return { kind: 'as it was' };
  const parts = command.split(/(\s*(?:&&|\|\||;|(?<![|&])[|&](?![|&]))\s*)/);
  let after = '';
  for (const [index, part] of parts.entries()) {
    const edited = index % 2 === 1 ? part : editPart(part);
    if (typeof edited !== 'string') return { kind: 'by hand', why: edited.why };
    after += edited;
  }
  return after === command ? { kind: 'as it was' } : { kind: 'edited', command: after };
}

function editPart(part: string): string | { readonly why: string } {
  const before = BEFORE_PROGRAM.exec(part)?.[0] ?? '';
  const [, program = '', rest = ''] = /^(\S+)(.*)$/s.exec(part.slice(before.length)) ?? [];
  if (program === 'node' || program === 'nodejs')
    return runsFile(rest) ? `${before}${program} ${PRELOAD_OPTION}${rest}` : part;
  if (/^pm2(?:-runtime)?$/.test(program)) return editPm2(before, program, rest);
  const why = LAUNCHERS[program];
  return why === undefined ? part : { why };
}

/** `node --version` and `node -e "…"` start no application; `node --test` tests one. */
function runsFile(args: string): boolean {
  if (/(?:^|\s)(?:--test|--check|-c|-e|-p|--eval|--print|--version|-v|inspect)(?:[\s=]|$)/.test(args))
    return false;
  return /(?:^|\s)(?![-"'])\S+/.test(args) || /(?:^|\s)["'][^"']+\.[cm]?js["']/.test(args);
}

/** PM2 with an ecosystem file reads the option there. */
function editPm2(before: string, program: string, rest: string): string | { readonly why: string } {
  if (/\b(?:ecosystem|pm2)\S*\.(?:[cm]?js|json|ya?ml)\b|\.config\.[cm]?js\b|\.json\b/.test(rest))
    return `${before}${program}${rest}`;
  const starts = program === 'pm2-runtime' || /^\s+(?:start|restart|reload)\s/.test(rest);
  if (!starts || !/\.(?:[cm]?js)\b/.test(rest)) return `${before}${program}${rest}`;
  if (/--node-args/.test(rest)) return { why: `add ${PRELOAD_OPTION} to --node-args` };
  // Everything behind "--" is the application's.
  const [options, ...application] = rest.split(/(?=\s--(?:\s|$))/);
  return `${before}${program}${options ?? ''} --node-args="${PRELOAD_OPTION}"${application.join('')}`;
}
