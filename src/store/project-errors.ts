import { OrchestratorError } from '../errors.js';
import { SCHEMA_VERSION, type StoreContext } from './metric-store.js';

type Project = Pick<StoreContext, 'prefix' | 'project'>;

export function prefixTaken({ prefix, project }: Project, owner: string): OrchestratorError {
  return new OrchestratorError(
    'ORCHESTRATOR_PREFIX_TAKEN',
    `The prefix "${prefix}" belongs to the project ${JSON.stringify(owner)}; this project is ${JSON.stringify(project)}. Give one of them another ORCHESTRATOR_PREFIX.`,
  );
}

export function schemaMismatch({ prefix }: Project, found: string): OrchestratorError {
  return new OrchestratorError(
    'ORCHESTRATOR_SCHEMA_MISMATCH',
    `The data of the project "${prefix}" have schema ${JSON.stringify(found)}, this version has ${SCHEMA_VERSION}. Use another ORCHESTRATOR_PREFIX, or delete the old data.`,
  );
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
