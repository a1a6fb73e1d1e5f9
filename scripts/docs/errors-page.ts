import { ERROR_TABLE, type ErrorEntry } from '../../src/errors.js';
import { WARNING_TABLE, type WarningEntry } from '../../src/warnings.js';
import { GENERATED } from './markdown.js';

/** `docs/errors.md`: every code of an error and of a warning. */
export function errorsPage(): string {
  const errors = Object.entries(ERROR_TABLE).map(errorSection);
  const warnings = Object.entries(WARNING_TABLE).map(warningSection);
  return `${[GENERATED, INTRO, ...errors, WARNINGS_INTRO, ...warnings].join('\n\n')}\n`;
}

function errorSection([code, { summary, causes, remedy, messages }]: [string, ErrorEntry]): string {
  const says = Object.values(messages).map((message) => `- \`${message}\``);
  return [
    `### ${code}`,
    summary,
    `**When.** ${causes}`,
    `**What to do.** ${remedy}`,
    `**What it says.**\n\n${says.join('\n')}`,
  ].join('\n\n');
}

function warningSection([code, { level, message, meaning, remedy }]: [string, WarningEntry]): string {
  const printed = level === 'debug' ? ' (with `OTEL_LOG_LEVEL=debug`)' : '';
  return [`### ${code}`, `\`${message}\`${printed}`, meaning, `**What to do.** ${remedy}`].join('\n\n');
}

const INTRO = `# Errors and warnings

Every error of this package is an \`OrchestratorError\` with a stable \`code\`, and every warning has a code of the same kind: search
this page for it. Messages may change between versions; codes do not. \`<…>\` stands for a value.
\`error instanceof OrchestratorError\` holds for errors of any copy of the package that is loaded.

Under the preload nothing is thrown into the application. An error becomes one line on stderr.

## Errors`;

const WARNINGS_INTRO = `## Warnings

A warning is one line on stderr:

\`\`\`
[orchestrator] ORCHESTRATOR_PORT_TAKEN warn: Port 9464 belongs to another program, so nobody serves the metrics of "shop". …
\`\`\`

\`OTEL_LOG_LEVEL=error\` silences them. A state is reported when it changes, not at every interval. No line contains a password or a
token. A \`warn\` function of your own, as \`createStore()\` and \`StoreMetricReader\` take it, is called with the message and the code.`;
