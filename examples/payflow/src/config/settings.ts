import { CURRENCIES } from '../money/money.js';
import { amount, boolean, integer, oneOf, path, text, weightedUrls, type Kind } from './setting-kinds.js';

/** One variable: what is read, what it means, what it is without the variable. The table in the README is written from these. */
export interface Setting<Value> {
  readonly variable: string;
  readonly kind: Kind<Value>;
  readonly fallback: Value;
  /** The default as the README shows it. */
  readonly shown: string;
  readonly meaning: string;
  /** Never printed. */
  readonly secret?: true;
}

function setting<Value>(
  variable: string,
  kind: Kind<Value>,
  shown: string,
  meaning: string,
  secret?: true,
): Setting<Value> {
  const fallback = kind.parse(shown);
  if (fallback === undefined) throw new Error(`the default of ${variable} is not allowed: ${shown}`);
  return { variable, kind, fallback, shown, meaning, ...(secret && { secret }) };
}

/** A port of 0 takes any free one. */
const anyPort = integer(0, 65_535);
const port = integer(1, 65_535);
const milliseconds = integer(1, 3_600_000);
const currency = oneOf(...CURRENCIES);

/** Every variable that the service reads, but for `DB_READ_…_n`, which read-settings.ts reads. */
export const SETTINGS = {
  host: setting('HOST', text, '127.0.0.1', 'Address that the service listens on.'),
  port: setting('PORT', anyPort, '3000', 'Port that the service listens on. `0` takes any free port.'),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf('silent', 'error', 'warn', 'info', 'debug'),
    'info',
    'What is logged, as JSON on stdout.',
  ),

  dbHost: setting('DB_HOST', text, '127.0.0.1', 'The PostgreSQL server that is the primary at first.'),
  dbPort: setting('DB_PORT', port, '5432', 'Its port.'),
  dbUser: setting('DB_USER', text, 'payflow', 'User of all PostgreSQL servers.'),
  dbPassword: setting('DB_PASSWORD', text, '', 'Password of that user.', true),
  dbName: setting('DB_NAME', text, 'payflow', 'Name of the database.'),
  dbMaxOpen: setting(
    'DB_MAX_OPEN_CONNS',
    integer(1, 1000),
    '25',
    'Connections that an instance opens to each PostgreSQL server at most. More requests wait.',
  ),
  dbMaxIdle: setting(
    'DB_MAX_IDLE_CONNS',
    integer(0, 1000),
    '10',
    'Idle connections that are kept for each server; one more is closed when it becomes idle.',
  ),
  dbMaxLifetime: setting(
    'DB_CONN_MAX_LIFETIME',
    integer(1, 86_400),
    '300',
    'Seconds after which a connection is closed and replaced.',
  ),
  dbConnectTimeout: setting(
    'DB_CONNECT_TIMEOUT_MS',
    milliseconds,
    '1000',
    'Milliseconds to wait for a connection, and for the answer to a probe.',
  ),
  dbQueryTimeout: setting(
    'DB_QUERY_TIMEOUT_MS',
    milliseconds,
    '5000',
    'Milliseconds to wait for the answer to a statement.',
  ),
  dbProbeInterval: setting(
    'DB_PROBE_INTERVAL_MS',
    milliseconds,
    '500',
    'Milliseconds between two looks at each server: is it there, which one is the primary, how far behind is a replica.',
  ),
  dbMaxReplicaLag: setting(
    'DB_MAX_REPLICA_LAG_MS',
    integer(0, 3_600_000),
    '5000',
    'A replica that is further behind gets no reads.',
  ),

  redisHost: setting(
    'REDIS_HOST',
    text,
    '127.0.0.1',
    'Redis for the cache: its primary, or a node of a cluster.',
  ),
  redisPort: setting('REDIS_PORT', port, '6379', 'Its port.'),
  redisPassword: setting('REDIS_PASSWORD', text, '', 'Password of Redis.', true),
  redisReadHost: setting(
    'REDIS_READ_HOST',
    text,
    '',
    'A replica of Redis that is read while the primary does not answer. None when empty.',
  ),
  redisReadPort: setting('REDIS_READ_PORT', port, '6380', 'Its port.'),
  redisCluster: setting('REDIS_CLUSTER', boolean, 'false', 'Whether Redis is a cluster.'),
  redisPoolSize: setting(
    'REDIS_POOL_SIZE',
    integer(1, 1000),
    '20',
    'Connections that an instance opens to Redis at most; they are used in turn.',
  ),
  redisMinIdle: setting(
    'REDIS_MIN_IDLE_CONNS',
    integer(0, 1000),
    '5',
    'Connections that are opened at the start. The others are opened when all are busy.',
  ),
  redisTimeout: setting(
    'REDIS_TIMEOUT_MS',
    milliseconds,
    '250',
    'Milliseconds to wait for an answer of Redis.',
  ),
  redisKeyPrefix: setting('REDIS_KEY_PREFIX', text, 'payflow:', 'What all keys in Redis begin with.'),
  cacheTtl: setting('CACHE_TTL', integer(1, 86_400), '300', 'Seconds that the cache keeps an entry.'),

  lbEnabled: setting(
    'LB_ENABLED',
    boolean,
    'false',
    'Whether calls of the fraud check are balanced over all its instances. When not, the first one gets all.',
  ),
  lbAlgorithm: setting(
    'LB_ALGORITHM',
    oneOf('round_robin', 'weighted_round_robin', 'least_connections', 'random'),
    'round_robin',
    'How the next instance is chosen.',
  ),
  lbHealthCheckPath: setting(
    'LB_HEALTH_CHECK_PATH',
    path,
    '/health/ready',
    'Path that says with a status of 2xx that an instance is healthy.',
  ),
  lbHealthCheckInterval: setting(
    'LB_HEALTH_CHECK_INTERVAL',
    integer(1, 3600),
    '30',
    'Seconds between two health checks of each instance.',
  ),

  fraudUrls: setting(
    'FRAUD_CHECK_URLS',
    weightedUrls,
    '',
    'Instances of the fraud check, an external service, with optional weights. No check is made when empty.',
  ),
  fraudTimeout: setting(
    'FRAUD_CHECK_TIMEOUT_MS',
    milliseconds,
    '1000',
    'Milliseconds to wait for its answer.',
  ),
  fraudDefaultLimit: setting(
    'FRAUD_CHECK_DEFAULT_LIMIT',
    amount,
    '100.00',
    'While the fraud check is out of reach, payments up to this amount pass unchecked, larger ones are refused with 503.',
  ),

  cbDatabaseFailures: setting(
    'CB_DATABASE_FAILURES',
    integer(1, 1000),
    '5',
    'Failures in a row after which the circuit breaker of a PostgreSQL server opens.',
  ),
  cbDatabaseReset: setting(
    'CB_DATABASE_RESET_MS',
    milliseconds,
    '2000',
    'Milliseconds after which it lets one request through again.',
  ),
  cbExternalFailures: setting(
    'CB_EXTERNAL_FAILURES',
    integer(1, 1000),
    '5',
    'The same for the fraud check and for Redis.',
  ),
  cbExternalReset: setting(
    'CB_EXTERNAL_RESET_MS',
    milliseconds,
    '5000',
    'The same for the fraud check and for Redis.',
  ),
  retryAttempts: setting(
    'RETRY_MAX_ATTEMPTS',
    integer(0, 50),
    '10',
    'How often a transaction that met another one is tried again, and at most three times a call of the fraud check.',
  ),
  retryBaseDelay: setting(
    'RETRY_BASE_DELAY_MS',
    milliseconds,
    '5',
    'Milliseconds before the first retry. Each further wait doubles on average, with jitter.',
  ),

  workerPoolSize: setting(
    'WORKER_POOL_SIZE',
    integer(1, 100),
    '4',
    'Items of batches that an instance posts at once.',
  ),
  workerQueueLimit: setting(
    'WORKER_POOL_QUEUE_LIMIT',
    integer(1, 1_000_000),
    '10000',
    'Items that may wait. A batch that does not fit is refused with 503.',
  ),

  defaultCurrency: setting('DEFAULT_CURRENCY', currency, 'EUR', 'Currency of a balance that names none.'),
  maxAmount: setting('MAX_AMOUNT', amount, '1000000.00', 'The largest amount of one transaction.'),
  snapshotEvery: setting(
    'SNAPSHOT_EVERY',
    integer(1, 1_000_000),
    '100',
    'Events of an account between two snapshots.',
  ),
  ledgerCheckInterval: setting(
    'LEDGER_CHECK_INTERVAL',
    integer(1, 86_400),
    '30',
    'Seconds between two checks that all entries sum to 0 and that balances equal their events.',
  ),
  outboxInterval: setting(
    'OUTBOX_INTERVAL_MS',
    milliseconds,
    '500',
    'Milliseconds between two looks at the outbox, whose events go to the Redis stream `<prefix>events`.',
  ),
  apiKeyTtl: setting('API_KEY_TTL_DAYS', integer(1, 3650), '30', 'Days that an API key is valid.'),
  idempotencyTtl: setting(
    'IDEMPOTENCY_TTL_HOURS',
    integer(1, 8760),
    '72',
    'Hours that the answer to an `Idempotency-Key` is kept.',
  ),
  scryptCost: setting(
    'PASSWORD_SCRYPT_COST',
    integer(10, 20),
    '15',
    'Base-2 logarithm of the cost of scrypt, for passwords that are set from now on.',
  ),
} as const;

type Table = typeof SETTINGS;

/** A PostgreSQL server that starts as a replica. */
export interface ReplicaSetting {
  readonly host: string;
  readonly port: number;
  /** Share of the reads. */
  readonly weight: number;
}

export type Settings = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never;
} & { readonly replicas: readonly ReplicaSetting[] };

/** Rows of the README for the numbered variables. */
export const REPLICA_SETTINGS: ReadonlyArray<Omit<Setting<unknown>, 'fallback'>> = [
  { variable: 'DB_READ_HOST_n', kind: text, shown: '', meaning: 'A replica, n = 1, 2, …, without a gap.' },
  { variable: 'DB_READ_PORT_n', kind: port, shown: '5432', meaning: 'Its port.' },
  {
    variable: 'DB_READ_WEIGHT_n',
    kind: integer(0, 1000),
    shown: '1',
    meaning: 'Its share of the reads, by weighted round robin. `0`: reads only when no other replica can.',
  },
];
