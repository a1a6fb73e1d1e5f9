import { ERROR_CODES, type ErrorCode } from '../../src/errors.js';
import { GENERATED, table } from './markdown.js';
import { WARNINGS } from './warnings.js';

interface Advice {
  readonly causes: string;
  readonly remedy: string;
}

/** What a person who meets the code wants to know. Typed by the codes: a new one does not compile without its advice. */
const ADVICE: Readonly<Record<ErrorCode, Advice>> = {
  ORCHESTRATOR_INVALID_SETTING: {
    causes:
      'An option of `start()` that is not allowed; a prefix without any letter or digit; a TLS file that cannot be read; `ORCHESTRATOR_REDIS_MODE` without `ORCHESTRATOR_REDIS_NODES`. Thrown by `start()`. Under the preload it is one warning, and the application runs without metrics.',
    remedy:
      'The message names the setting and says what is allowed. [configuration.md](configuration.md) lists all settings.',
  },
  ORCHESTRATOR_ALREADY_STARTED: {
    causes:
      'The preload and `start()` in one process; `start()` twice; or another OpenTelemetry SDK that has registered its MeterProvider before. Thrown by `start()`.',
    remedy:
      "Remove one of the two. To keep another SDK, leave out the preload and add a `StoreMetricReader` to that SDK's MeterProvider: see [getting-started.md](getting-started.md#with-an-sdk-of-your-own).",
  },
  ORCHESTRATOR_NOT_RUNNING: {
    causes:
      '`collectMetrics()` was called where nothing runs: `ORCHESTRATOR_ENABLED=false`, no preload and no `start()`, after `shutdown()`, or `OTEL_METRICS_EXPORTER` without `orchestrator`. `metricsHandler()` answers 503 with the same words.',
    remedy: 'Start the orchestrator first, or ask only where it runs.',
  },
  ORCHESTRATOR_PREFIX_TAKEN: {
    causes:
      'Two projects whose names differ, but not after they were made fit for a key: `My Shop` and `my_shop` are both `my_shop`. The first one that wrote owns the prefix; everybody else is refused, in writing and in reading, and changes nothing.',
    remedy:
      'Give one of them another `ORCHESTRATOR_PREFIX`. If a project was renamed: wipe the old data first, see [operations.md](operations.md#wiping).',
  },
  ORCHESTRATOR_SCHEMA_MISMATCH: {
    causes:
      'The data under this prefix were written by a version of this package that stores them in another shape.',
    remedy:
      'Run one version per prefix. To change over at once, use another prefix, or delete the old data: see [operations.md](operations.md#upgrading). Nothing is overwritten meanwhile.',
  },
  ORCHESTRATOR_STORE_UNAVAILABLE: {
    causes:
      "The store is down, unreachable, loading, full, read-only or slow: no answer within `OTEL_METRIC_EXPORT_TIMEOUT`, and never longer than 5 s. The message is the store's own.",
    remedy:
      'Nothing is to be done in the application: what was recorded waits in memory and is sent once, when the store answers. Meanwhile `/metrics` answers 503 and `/readyz` says why.',
  },
  ORCHESTRATOR_STORE_REFUSED: {
    causes:
      'Redis: wrong user or password, or an ACL user without the rights that are needed. Local store: a folder that cannot be written, is a link, or belongs to someone else.',
    remedy:
      'Check the settings that the message names. The exact rights in Redis are in [security.md](security.md#redis). It is tried again with every flush, so that a corrected ACL is enough.',
  },
  ORCHESTRATOR_STORE_CLOSED: {
    causes: 'The store was used after `shutdown()`.',
    remedy: 'Record and flush before `shutdown()`.',
  },
};

/** `docs/errors.md`: every error code, and every warning. */
export function errorsPage(): string {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) =>
    [
      `### ${code}`,
      ERROR_CODES[code],
      `**When.** ${ADVICE[code].causes}`,
      `**What to do.** ${ADVICE[code].remedy}`,
    ].join('\n\n'),
  );
  const warnings = table(
    ['Message', 'What it means', 'What to do'],
    WARNINGS.map(({ message, meaning, remedy }) => [`\`${message}\``, meaning, remedy]),
  );
  return `${[GENERATED, INTRO, '## Codes', ...codes, WARNINGS_INTRO, warnings].join('\n\n')}\n`;
}

const INTRO = `# Errors and warnings

Every error of this package is an \`OrchestratorError\` with a stable \`code\`. Messages may change between versions; codes do not.
\`error instanceof OrchestratorError\` holds for errors of any copy of the package that is loaded.

Under the preload nothing is thrown into the application. What goes wrong becomes one line on stderr.`;

const WARNINGS_INTRO = `## Warnings

Lines on stderr begin with \`[orchestrator] warn:\`. \`OTEL_LOG_LEVEL=error\` silences them. \`…\` stands for what differs.
A state is reported when it changes, not at every interval. No line contains a password or a token.`;
