import { InstrumentationBase } from '@opentelemetry/instrumentation';

/** Patches nothing; it shares the hook of all instrumentations. */
class Probe extends InstrumentationBase {
  constructor() {
    super('@org/orchestrator', '', {});
  }

  protected override init(): void {
    // Nothing to patch.
  }
}

/**
 * Leaves the next instrumentation to make a hook of its own. All instrumentations of a process share one hook on `require`,
 * and it never looks again at a module that it has seen. The one that ours use is there before the application has loaded
 * anything: an instrumentation that the application makes later would find `http`, and all that was loaded until then, seen.
 */
export function releaseRequireHook(): void {
  const hook: unknown = Reflect.get(new Probe(), '_requireInTheMiddleSingleton');
  if (typeof hook === 'object' && hook !== null) Reflect.set(hook.constructor, '_instance', undefined);
}
