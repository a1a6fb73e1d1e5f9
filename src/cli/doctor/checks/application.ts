import { isTool } from '../../../start/identity/tools.js';
import { WARNING_TABLE, type WarningCode } from '../../../warnings.js';
import { plain } from '../../../config/setting-text.js';
import type { ApplicationRun } from '../facts/application-run.js';
import type { ProcessReport } from '../facts/probe.js';
import { finding, type Finding } from '../findings.js';

/** A process that neither listens nor lives longer is a tool of the start. */
const LIVES_MS = 1500;

/** Findings of a run of the application. */
export function checkApplication(run: ApplicationRun): Finding[] {
  return [...checkEnd(run), ...run.processes.flatMap(checkProcess), ...checkWarnings(run.stderr)];
}

/** A job that ends in order has done what it should. */
function checkEnd({ ended, args, seconds, stderr }: ApplicationRun): Finding[] {
  if (ended === undefined || ended === 'code 0') return [];
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('[orchestrator]'));
  const error =
    lines.find((line) => /^\s*(?:\w*Error|Cannot find module)\b/.test(line)) ?? lines.at(-1) ?? 'no output';
  return [
    finding('application-ended', { command: args.join(' '), ending: ended, seconds, output: error.trim() }),
  ];
}

function checkProcess(report: ProcessReport): Finding[] {
  const { pid, argv, execArgv, hasPreload, serves, ageMs, meterProvider } = report;
  if (hasPreload || isTool(argv[0], execArgv) || (!serves && ageMs < LIVES_MS)) return [];
  const command = argv.join(' ');
  return meterProvider === undefined
    ? [finding('process-without-preload', { pid, command })]
    : [finding('another-sdk', { pid, command, provider: meterProvider })];
}

/** What the orchestrator in the application has said, each warning once. */
function checkWarnings(stderr: string): Finding[] {
  const said = new Map<string, string>();
  for (const [, code = '', message = ''] of stderr.matchAll(
    /^\[orchestrator\] (ORCHESTRATOR_\w+) warn: (.*)$/gm,
  ))
    if (!said.has(code)) said.set(code, message);
  return [...said].flatMap(([code, message]) => {
    const entry = WARNING_TABLE[code as WarningCode] as (typeof WARNING_TABLE)[WarningCode] | undefined;
    if (entry === undefined) return [];
    return [
      finding('application-warning', { code, message, why: plain(entry.meaning), fix: plain(entry.remedy) }),
    ];
  });
}
