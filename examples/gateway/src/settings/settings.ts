/** One environment variable: the table in the README and the checks come from these rows. */
export interface Setting {
  readonly env: string;
  readonly kind: 'text' | 'secret' | 'flag' | 'integer' | 'port' | 'url' | 'file' | 'choice' | 'list';
  /** As it would be written in the environment; '' is "not set". */
  readonly fallback: string;
  readonly choices?: readonly string[];
  /** Of integers. */
  readonly min?: number;
  readonly max?: number;
  readonly what: string;
}

function row<const Kind extends Setting['kind']>(
  env: string,
  kind: Kind,
  fallback: string,
  what: string,
  more: Pick<Setting, 'choices' | 'min' | 'max'> = {},
): Setting & { readonly kind: Kind } {
  return { env, kind, fallback, what, ...more };
}

export const LOG_LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export const SETTINGS = {
  appName: row('APP_NAME', 'text', 'gateway', 'Name in logs, in `Via`, in `/status` and at PostgreSQL.'),
  appEnv: row('APP_ENV', 'text', 'production', 'Environment: a field of every log line and of `/status`.'),
  appDebug: row(
    'APP_DEBUG',
    'flag',
    'false',
    '`true` puts the message and stack of an internal error into the answer.',
  ),
  appUrl: row(
    'APP_URL',
    'url',
    '',
    'Public address. `Location` headers of services and of `POST /orchestrate` are written with it, and `X-Forwarded-Host` and `X-Forwarded-Proto` come from it. Not set: from the request.',
  ),
  host: row('HOST', 'text', '127.0.0.1', 'Address to listen at; `0.0.0.0` in a container.'),
  port: row('PORT', 'port', '8000', 'Port to listen at.'),
  config: row('GATEWAY_CONFIG', 'file', 'gateway.config.yaml', 'Routes, upstreams and flows: YAML or JSON.'),
  retryCount: row(
    'ORCHESTRATOR_RETRY_COUNT',
    'integer',
    '3',
    'Retries of a request that may be retried, where its route says nothing else.',
    { min: 0, max: 10 },
  ),
  timeoutMs: row(
    'ORCHESTRATOR_TIMEOUT_MS',
    'integer',
    '2000',
    'Milliseconds for one attempt, until the headers of the answer are there, where the route says nothing else.',
    { min: 1, max: 600_000 },
  ),
  dbConnection: row(
    'DB_CONNECTION',
    'choice',
    'pgsql',
    '`pgsql` keeps the state of flows in PostgreSQL; `none` runs without flows.',
    { choices: ['pgsql', 'none'] },
  ),
  dbHost: row('DB_HOST', 'text', '127.0.0.1', 'Host of PostgreSQL.'),
  dbPort: row('DB_PORT', 'port', '5432', 'Port of PostgreSQL.'),
  dbDatabase: row('DB_DATABASE', 'text', 'gateway', 'Database.'),
  dbUsername: row('DB_USERNAME', 'text', 'gateway', 'User of the database.'),
  dbPassword: row('DB_PASSWORD', 'secret', '', 'Its password.'),
  dbPool: row('DB_POOL', 'integer', '10', 'Connections to the database of one process, at most.', {
    min: 1,
    max: 200,
  }),
  redisHost: row(
    'REDIS_HOST',
    'text',
    '',
    'Host of the Redis that rate limits and cached answers are shared in. Not set: each process counts alone, and nothing is cached.',
  ),
  redisPort: row('REDIS_PORT', 'port', '6379', 'Its port.'),
  redisPassword: row('REDIS_PASSWORD', 'secret', '', 'Its password.'),
  rabbitmqUrl: row(
    'RABBITMQ_URL',
    'url',
    '',
    'RabbitMQ, `amqp://` or `amqps://`. Asynchronous flows go through a queue of it; not set: through PostgreSQL.',
  ),
  logLevel: row(
    'LOG_LEVEL',
    'choice',
    'info',
    'Level of the log. `logLevel` of the configuration file goes before it, and can be changed at run time.',
    { choices: LOG_LEVELS },
  ),
  logFile: row(
    'LOG_FILE',
    'file',
    '',
    'Log to this file as well, rotated: `logs/gateway.log` becomes `logs/gateway.1.log`, `logs/gateway.2.log`, …',
  ),
  logRotateMb: row(
    'LOG_ROTATE_MB',
    'integer',
    '10',
    'Megabytes at which the next file begins; a new day begins one too.',
    { min: 1, max: 10_000 },
  ),
  logRotateKeep: row(
    'LOG_ROTATE_KEEP',
    'integer',
    '7',
    'Files that are kept besides the one being written.',
    { min: 1, max: 1000 },
  ),
  trustedProxies: row(
    'TRUSTED_PROXIES',
    'list',
    '',
    'Addresses and networks, `10.0.0.0/8`, whose `X-Forwarded-*` is believed and extended. From anybody else it is replaced.',
  ),
  tlsCertFile: row('TLS_CERT_FILE', 'file', '', 'Listen with TLS: the certificate, PEM.'),
  tlsKeyFile: row('TLS_KEY_FILE', 'file', '', 'Its key, PEM.'),
  tlsClientCaFile: row(
    'TLS_CLIENT_CA_FILE',
    'file',
    '',
    'Authority of client certificates, PEM, for routes with `auth: [mtls]`.',
  ),
  oauthClientSecret: row(
    'OAUTH_CLIENT_SECRET',
    'secret',
    '',
    'Secret with which the gateway asks the introspection endpoint.',
  ),
  flowLeaseMs: row(
    'FLOW_LEASE_MS',
    'integer',
    '10000',
    'Milliseconds after which another process takes over the flows of one that is silent.',
    { min: 500, max: 600_000 },
  ),
  flowPollMs: row(
    'FLOW_POLL_MS',
    'integer',
    '1000',
    'Milliseconds between two looks for flows to take over.',
    { min: 50, max: 60_000 },
  ),
  flowConcurrency: row(
    'FLOW_CONCURRENCY',
    'integer',
    '20',
    'Flows that one process runs at a time, besides those that a client waits for.',
    { min: 1, max: 1000 },
  ),
  drainMs: row(
    'SHUTDOWN_DRAIN_MS',
    'integer',
    '1000',
    'Milliseconds after SIGTERM in which requests are still taken, while `/health` answers 503, so that balancers and clients go elsewhere.',
    { min: 0, max: 600_000 },
  ),
  shutdownMs: row(
    'SHUTDOWN_TIMEOUT_MS',
    'integer',
    '10000',
    'Milliseconds for open requests and flows to end after that.',
    { min: 100, max: 600_000 },
  ),
};
