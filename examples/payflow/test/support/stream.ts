import { Redis } from 'ioredis';

export interface StreamEvent {
  readonly id: string;
  readonly topic: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** All events that a service has sent to other systems. */
export async function readStream(env: Readonly<Record<string, string>>): Promise<readonly StreamEvent[]> {
  const redis = new Redis({ host: '127.0.0.1', port: Number(env['REDIS_PORT']) });
  try {
    const entries = await redis.xrange(`${env['REDIS_KEY_PREFIX']}events`, '-', '+');
    return entries.map(([, fields]) => ({
      id: fields[1] ?? '',
      topic: fields[3] ?? '',
      payload: JSON.parse(fields[5] ?? '{}') as Record<string, unknown>,
    }));
  } finally {
    redis.disconnect();
  }
}
