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

/** Throws unless the data under the prefix are this project's and of this version; an empty schema means no data. */
export function assertOwnProject(
  context: Project,
  schema: string | undefined,
  owner: string | undefined,
): void {
  if (schema === undefined || schema === '') return;
  if (schema !== String(SCHEMA_VERSION)) throw schemaMismatch(context, schema);
  if (owner !== context.project) throw prefixTaken(context, owner ?? '');
}
