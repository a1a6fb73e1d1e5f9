import { silentLog } from '../log/log.js';
import type { Settings } from '../settings/settings.js';
import { EXIT } from '../workflow/manual.js';
import { CHECKS, type CheckResult } from './checks.js';
import { tell } from './process.js';
import { table } from './status-command.js';

/** The checklist before a deployment. Fails unless everything is ready. */
export async function checkCommand(settings: Settings, json: boolean): Promise<number> {
  const results: Array<CheckResult & { name: string }> = [];
  for (const { name, check } of CHECKS) {
    const result = await check(settings, silentLog()).catch((error: unknown) => ({
      ok: false,
      detail: error instanceof Error ? error.message : String(error),
    }));
    results.push({ name, ...result });
  }
  const ok = results.every((result) => result.ok);
  if (json) tell(JSON.stringify({ ok, checks: results }, undefined, 2));
  else {
    const rows = table(['', 'check', 'found']);
    for (const result of results) rows.push([result.ok ? 'ok' : 'NOT OK', result.name, result.detail]);
    tell(rows.toString());
  }
  return ok ? EXIT.success : EXIT.failure;
}
