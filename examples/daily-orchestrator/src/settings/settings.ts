import { z } from 'zod';

/** One setting: its variable, what is allowed, and a sentence for the README and for the message of a wrong value. */
interface Row<T> {
  readonly schema: z.ZodType<T>;
  readonly fallback: string | undefined;
  readonly allowed: string;
  readonly meaning: string;
}

function row<T>(
  schema: z.ZodType<T>,
  fallback: string | undefined,
  allowed: string,
  meaning: string,
): Row<T> {
  return { schema, fallback, allowed, meaning };
}

function whole(fallback: number, least: number, most: number, meaning: string): Row<number> {
  return row(
    z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most)),
    String(fallback),
    `a whole number from ${least} to ${most}`,
    meaning,
  );
}

/** A day: the next one begins another run. A timer of Node.js ends at 2^31 - 1 ms, and fires at once beyond. */
const MINUTES_AT_MOST = 1440;

function minutes(fallback: number, meaning: string): Row<number> {
  return row(
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform((text) => Number(text) * 60_000)
      .pipe(
        z
          .number()
          .gt(0)
          .max(MINUTES_AT_MOST * 60_000),
      ),
    String(fallback),
    `minutes, a number above 0, at most ${MINUTES_AT_MOST}`,
    meaning,
  );
}

function url(fallback: string | undefined, protocols: readonly string[], meaning: string): Row<string> {
  const schema = z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol));
  return row(
    schema,
    fallback,
    `a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    meaning,
  );
}

const HTTP = ['http:', 'https:'];

function optional<T>(of: Row<T>): Row<T | undefined> {
  return { ...of, schema: of.schema.optional(), allowed: `${of.allowed}, or nothing` };
}

/** Every setting. The README's table is compared with it by a test. */
export const SETTINGS = {
  SCHEDULE_HOUR: whole(2, 0, 23, 'Hour of the daily start, UTC.'),
  SCHEDULE_MINUTE: whole(0, 0, 59, 'Minute of the daily start.'),
  CHECK_INTERVAL: whole(
    30_000,
    50,
    3_600_000,
    'Milliseconds between two looks at a queue, and at the schedule.',
  ),
  LIMIT_ALLIANCE_INFO: minutes(30, 'Time limit of the step that empties `esi_alliance_info_queue`.'),
  LIMIT_ALLIANCE_CORPORATIONS: minutes(
    60,
    'Time limit of the step that empties `esi_alliance_corporations_queue`.',
  ),
  LIMIT_CORPORATION_INFO: minutes(90, 'Time limit of the step that empties `esi_corporation_info_queue`.'),
  LIMIT_OTHER_STEPS: minutes(10, 'Time limit of each of the other four steps.'),
  DEAD_ITEMS_ALLOWED: row(
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().max(100)),
    '1',
    'a percentage from 0 to 100',
    'A step whose queue lost a greater share of its items to the dead-letter queue fails.',
  ),
  DATABASE_URL: url(
    'postgres://postgres@127.0.0.1:5432/postgres',
    ['postgres:', 'postgresql:'],
    'PostgreSQL.',
  ),
  RABBITMQ_URL: url(
    'amqp://guest:guest@127.0.0.1:5672/',
    ['amqp:', 'amqps:'],
    'RabbitMQ; the path is the virtual host.',
  ),
  RABBITMQ_MANAGEMENT_URL: optional(
    url(
      undefined,
      HTTP,
      "The broker's management API, with its user: for unacknowledged messages, and for queues of other systems.",
    ),
  ),
  PREFETCH: whole(
    50,
    1,
    1000,
    'Messages that one worker has in hand, and requests to ESI that it has under way.',
  ),
  FLUSH_BEFORE_ACK: row(
    z.enum(['true', 'false']).transform((text) => text === 'true'),
    'true',
    'true or false',
    'Whether counters are in the store before messages are acknowledged: exact, even when a process is killed.',
  ),
  ESI_BASE_URL: url('https://esi.evetech.net/latest', HTTP, 'ESI, or the stand-in.'),
  ESI_USER_AGENT: row(
    z.string().min(1),
    'daily-orchestrator (set ESI_USER_AGENT to an address at which you are reached)',
    'any text',
    'What ESI is told about who asks.',
  ),
  ESI_TIMEOUT: whole(15_000, 100, 120_000, 'Milliseconds for one request to ESI.'),
  ESI_ATTEMPTS: whole(8, 1, 50, 'Attempts before an item goes to the dead-letter queue.'),
  ESI_BACKOFF: whole(
    500,
    1,
    60_000,
    'Milliseconds before the second attempt; doubled for each further one, at most 60 s.',
  ),
  ESI_ERROR_RESERVE: whole(
    20,
    0,
    99,
    'Errors that ESI would still allow at which requests pause until its window ends.',
  ),
  ALERT_WEBHOOK_URL: optional(url(undefined, HTTP, 'Where a failed workflow is reported.')),
  ALERT_WEBHOOK_SECRET: optional(
    row(z.string().min(1), undefined, 'any text', 'Signs reports: see the README.'),
  ),
  LOG_LEVEL: row(
    z.enum(['trace', 'debug', 'info', 'warn', 'error']),
    'info',
    'trace, debug, info, warn or error',
    'The least level that is logged.',
  ),
  LOG_DIR: row(z.string().min(1), 'logs', 'a folder', 'Where log files are.'),
  LOG_ROTATION: row(
    z.string().regex(/^[1-9]\d*[BKMGsmhd]$/),
    '1d',
    'an age such as 1d or 12h, or a size such as 10M',
    'When a log file is rotated.',
  ),
  LOG_FILES: whole(7, 1, 365, 'Rotated, compressed files that are kept of each log: with `1d`, days.'),
  RECONNECT_LIMIT: minutes(
    5,
    'How long a command waits for a broker and a database that are not there at its start, and a manual run for a database that is gone. Daemon and workers wait for as long as it takes.',
  ),
} as const satisfies Readonly<Record<string, Row<unknown>>>;

type Rows = typeof SETTINGS;
export type SettingName = keyof Rows;
/** Time limits are in milliseconds here. */
export type Settings = { readonly [Name in SettingName]: z.infer<Rows[Name]['schema']> };

/** A sentence for each setting that is wrong. */
export class SettingsError extends Error {
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.name = 'SettingsError';
  }
}

/** An empty variable counts as unset. Throws a {@link SettingsError} that names all that are wrong. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const wrong: string[] = [];
  const values = Object.entries(SETTINGS).map(([name, { schema, fallback, allowed }]) => {
    const given = environment[name];
    const parsed = schema.safeParse(given === undefined || given === '' ? fallback : given);
    if (!parsed.success) wrong.push(`${name} is ${shown(name, given)}. Allowed: ${allowed}.`);
    return [name, parsed.data];
  });
  if (wrong.length > 0) throw new SettingsError(wrong);
  return Object.fromEntries(values) as Settings;
}

/** Addresses and secrets may contain passwords. */
function shown(name: string, value: string | undefined): string {
  return /URL|SECRET/.test(name) ? 'not usable' : JSON.stringify(value ?? '');
}
