import { HealthChecks, type HealthCheck, type HealthCheckOptions } from './health-checks.js';

const KEY = Symbol.for('@org/orchestrator/health-checks');

/** The checks of this process, of whichever copy of this package; they may be registered before anything is started. */
export function healthChecks(): HealthChecks {
  const known = Reflect.get(globalThis, KEY) as HealthChecks | undefined;
  if (known !== undefined) return known;
  const made = new HealthChecks();
  Reflect.set(globalThis, KEY, made);
  return made;
}

/**
 * Adds a check to `/health` and to the metric `app_health_status`, or replaces the one of that name.
 *
 * ```ts
 * registerHealthCheck('database', (signal) => pool.query({ text: 'select 1', signal }), { timeout: 500 });
 * ```
 *
 * @returns removes the check
 */
export function registerHealthCheck(
  name: string,
  check: HealthCheck,
  options?: HealthCheckOptions,
): () => void {
  return healthChecks().register(name, check, options);
}
