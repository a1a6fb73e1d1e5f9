import { orchestratorError, type OrchestratorError } from '../errors.js';
import { SCHEMA_VERSION, type StoreContext } from './metric-store.js';

type Project = Pick<StoreContext, 'prefix' | 'project'>;

export function prefixTaken({ prefix, project }: Project, owner: string): OrchestratorError {
  const values = { prefix, owner: JSON.stringify(owner), project: JSON.stringify(project) };
  return orchestratorError('ORCHESTRATOR_PREFIX_TAKEN', 'owned', values);
}

export function schemaMismatch({ prefix }: Project, found: string): OrchestratorError {
  const values = { prefix, found: JSON.stringify(found), expected: SCHEMA_VERSION };
  return orchestratorError('ORCHESTRATOR_SCHEMA_MISMATCH', 'project', values);
}

/**
 * Throws unless the data under the prefix are this project's and of this version. A schema or an owner that is empty, or a schema
 * that is no version, says nothing: the next batch writes both.
 */
export function assertOwnProject(
  context: Project,
  schema: string | undefined,
  owner: string | undefined,
): void {
  assertOwner(context, owner);
  if (schema !== undefined && isVersion(schema) && schema !== String(SCHEMA_VERSION))
    throw schemaMismatch(context, schema);
}

/** Throws if the data under the prefix are another project's. */
export function assertOwner(context: Project, owner: string | undefined): void {
  if (owner !== undefined && owner !== '' && owner !== context.project) throw prefixTaken(context, owner);
}

function isVersion(schema: string): boolean {
  return /^[1-9]\d{0,5}$/.test(schema);
}
