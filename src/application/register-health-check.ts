import { HealthChecks, type HealthCheck, type HealthCheckOptions } from './health-checks.js';

const KEY = Symbol.for('@org/orchestrator/health-checks');

/** The checks of this process, shared by all copies of this package. They may be registered before anything is started. */
export function healthChecks(): HealthChecks {
  const known = Reflect.get(globalThis, KEY) as HealthChecks | undefined;
  if (known !== undefined) return known;
  const made = new HealthChecks();
  Reflect.set(globalThis, KEY, made);
  return made;
}

/**
 * Adds a check to `/health` and to the metric `app_health_status` (1 up, 0 down, by `check` and `critical`), or replaces the one
 * of that name. May be called before `start()`. All checks run at once, each against its own timeout: 2000 ms by default.
 *
 * @example
 * ```ts
 * const remove = registerHealthCheck('database', () => pool.query('SELECT 1'), { timeout: 500, critical: true });
 * ```
 *
 * @param name a label value: one of a few, always the same
 * @param check passes unless it throws, rejects, returns `false` or is late; see {@link HealthCheck}
 * @returns a function that removes the check
 */
export function registerHealthCheck(
  name: string,
  check: HealthCheck,
  options?: HealthCheckOptions,
): () => void {
  return healthChecks().register(name, check, options);
}
