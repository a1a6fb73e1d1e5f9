import { join } from 'node:path';

import { migrateDatabase } from '../src/cli/migrate-database.js';
import { Daemon } from './daemon.js';
import { GAUGE_AGGREGATION, ROOT, startInstance } from './instance.js';
import { startNginx, type NginxPorts } from './nginx.js';
import { freePort } from './ports.js';
import { DATABASE_USER, startPostgresCluster, type PostgresCluster } from './postgres-cluster.js';
import { startRedisPair, type RedisPair } from './redis-servers.js';

export interface StackOptions {
  readonly dir: string;
  /** Whether a power failure may lose data, which makes tests faster. */
  readonly fast?: boolean;
  /** Fixed ports; free ones when absent. */
  readonly ports?: {
    readonly postgres: readonly number[];
    readonly redis: readonly number[];
    readonly instances: readonly number[];
    readonly nginx: NginxPorts;
    readonly fraud: readonly number[];
    readonly metrics: number;
  };
  /** Variables of the instances, on top of those that connect them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Requests per second that nginx lets through from one address. Default 100, and 5 log-ins. */
  readonly limits?: { readonly rate: number; readonly loginRate: number };
}

export interface Stack {
  readonly postgres: PostgresCluster;
  readonly redis: RedisPair;
  readonly nginx: Daemon;
  readonly nginxPorts: NginxPorts;
  readonly instances: Daemon[];
  readonly instancePorts: readonly number[];
  readonly fraudPorts: readonly number[];
  /** Variables that reach the database and Redis, for the commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts instance `index` again after it was killed. */
  readonly restart: (index: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const DATABASE = 'payflow';

/** Everything of the HA topology as processes on 127.0.0.1. */
export async function startStack({
  dir,
  fast = false,
  ports,
  env = {},
  limits,
}: StackOptions): Promise<Stack> {
  const [postgres, redis] = await Promise.all([
    startPostgresCluster(dir, { fast, ...(ports && { ports: ports.postgres }) }),
    startRedisPair(dir, ports?.redis),
  ]);
  await createDatabase(postgres);
  const fraudPorts = ports?.fraud ?? [await freePort(), await freePort()];
  const fraud = await Promise.all(
    fraudPorts.map(async (port, index) => startFraudService(dir, `fraud_${index + 1}`, port)),
  );
  const instancePorts = ports?.instances ?? [await freePort(), await freePort()];
  const connections = connectionsOf(postgres, redis);
  const metricsPort = ports?.metrics ?? (await freePort());
  const instanceEnv = {
    ...connections,
    ...observability(redis.primary.port, metricsPort),
    FRAUD_CHECK_URLS: fraudPorts.map((port) => `http://127.0.0.1:${port}`).join(','),
    LB_ENABLED: 'true',
    LB_HEALTH_CHECK_INTERVAL: '5',
    ...env,
  };
  const start = async (index: number): Promise<Daemon> =>
    startInstance(dir, `payflow_${index + 1}`, instancePorts[index] ?? 0, instanceEnv);
  const instances = await Promise.all(instancePorts.map(async (_port, index) => start(index)));
  const nginxPorts = ports?.nginx ?? {
    httpPort: await freePort(),
    httpsPort: await freePort(),
    statusPort: await freePort(),
  };
  const nginx = await startNginx(dir, nginxPorts, instancePorts, limits ?? { rate: 100, loginRate: 5 });
  return {
    postgres,
    redis,
    nginx,
    nginxPorts,
    instances,
    instancePorts,
    fraudPorts,
    env: connections,
    restart: async (index) => {
      instances[index] = await start(index);
    },
    stop: async () => {
      await nginx.stop();
      await Promise.all(instances.map((instance) => instance.stop()));
      await Promise.all(fraud.map((daemon) => daemon.stop('SIGKILL')));
      await Promise.all([postgres.stop(), redis.primary.stop(), redis.replica.stop()]);
    },
  };
}

async function createDatabase({ first }: PostgresCluster): Promise<void> {
  await first.query(`CREATE DATABASE ${DATABASE}`);
  await migrateDatabase({ host: '127.0.0.1', port: first.port, user: DATABASE_USER, database: DATABASE });
}

function connectionsOf(postgres: PostgresCluster, redis: RedisPair): Record<string, string> {
  const [primary, ...replicas] = postgres.nodes;
  return {
    DB_HOST: '127.0.0.1',
    DB_PORT: String(primary?.port),
    DB_NAME: DATABASE,
    DB_USER: DATABASE_USER,
    ...Object.fromEntries(
      replicas.flatMap(({ port }, index) => [
        [`DB_READ_HOST_${index + 1}`, '127.0.0.1'],
        [`DB_READ_PORT_${index + 1}`, String(port)],
      ]),
    ),
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redis.primary.port),
    REDIS_READ_HOST: '127.0.0.1',
    REDIS_READ_PORT: String(redis.replica.port),
  };
}

function observability(redisPort: number, metricsPort: number): Record<string, string> {
  return {
    ORCHESTRATOR_PREFIX: 'payflow',
    ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    ORCHESTRATOR_APP_METRICS_PATH: '/metrics',
    ORCHESTRATOR_GAUGE_AGGREGATION: GAUGE_AGGREGATION,
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  };
}

async function startFraudService(dir: string, name: string, port: number): Promise<Daemon> {
  const daemon = new Daemon(name, process.execPath, [join(ROOT, 'dist/local/fraud-service.js')], {
    dir,
    env: { PATH: process.env['PATH'], PORT: String(port) },
  });
  await daemon.until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`);
    if (!response.ok) throw new Error(`the fraud check answers ${response.status}`);
  });
  return daemon;
}
