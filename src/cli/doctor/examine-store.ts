import type { Settings } from '../../config/settings.js';
import { OrchestratorError, type ErrorCode } from '../../errors.js';
import type { Snapshot } from '../../model/snapshot.js';
import { redisTarget } from '../../start/redis-target.js';
import { defaultLocalDirectory } from '../../store/local-folder.js';
import { diagnoseRedis } from '../../store/diagnose-redis.js';
import type { InstanceSummary, ProjectName, ProjectSummary, StoreReader } from '../../store/store-reader.js';
import type { Call } from '../command.js';
import { openReader, storeKind, storeOptions } from '../store/open-reader.js';
import { checkEndpoint } from './checks/endpoint.js';
import { checkFolders } from './checks/local-folder.js';
import { checkProject } from './checks/project.js';
import { checkRedis } from './checks/redis.js';
import { endpointFacts } from './facts/endpoint.js';
import { folderFacts } from './facts/folders.js';
import { finding, type Finding } from './findings.js';

/** A project as it was asked for, and its prefix. */
export interface Wanted {
  readonly project: string;
  readonly prefix: string;
}

/** Looks at the store, at the project in it, and at the endpoint. Never rejects because of what it finds. */
export async function examineStore(
  call: Pick<Call, 'settings' | 'terminal'>,
  wanted: Wanted,
): Promise<Finding[]> {
  const { settings } = call;
  if (settings.store === 'memory') return [];
  const findings: Finding[] = [];
  const isReachable = await collect(findings, settings, wanted, async () => {
    findings.push(...(await examineServer(settings, wanted.prefix)));
  });
  let instances: InstanceSummary[] = [];
  // A folder that is not safe is not read either, and that is one finding, not two.
  if (isReachable && !findings.some(({ name }) => name === 'local-folder-unsafe')) {
    await collect(findings, settings, wanted, async () => {
      const project = await examineProject(call, wanted);
      findings.push(...project.findings);
      ({ instances } = project);
    });
  }
  findings.push(...checkEndpoint(await endpointFacts(settings, wanted.prefix, instances)));
  return findings;
}

/** The store itself: a Redis, or the folders of the local store. */
async function examineServer(settings: Settings, prefix: string): Promise<Finding[]> {
  if (storeKind(settings) === 'local') {
    const { localDir } = settings;
    const folders = folderFacts(localDir ?? defaultLocalDirectory(), localDir !== undefined, prefix);
    return checkFolders(folders, process.getuid?.());
  }
  const target = redisTarget(settings, () => undefined);
  const { timeoutMs } = storeOptions(settings, () => undefined);
  const diagnosis = await diagnoseRedis(target, prefix, timeoutMs);
  return checkRedis({ prefix, user: target.username ?? 'default', diagnosis });
}

async function examineProject(
  call: Pick<Call, 'settings' | 'terminal'>,
  { project: wanted, prefix }: Wanted,
): Promise<{ findings: Finding[]; instances: InstanceSummary[] }> {
  const reader = openReader(call);
  try {
    const found = await reader.find(prefix);
    const { summary, snapshot, instances } = await readProject(reader, found);
    const facts = { store: reader.description, wanted, found, summary, snapshot };
    return { findings: checkProject({ ...facts, maxSeries: call.settings.maxSeries }), instances };
  } finally {
    await reader.close();
  }
}

interface ReadProject {
  readonly summary: ProjectSummary | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly instances: InstanceSummary[];
}

async function readProject(reader: StoreReader, found: ProjectName | undefined): Promise<ReadProject> {
  if (found === undefined) return { summary: undefined, snapshot: undefined, instances: [] };
  const project = reader.open(found);
  try {
    const [summary, snapshot, instances] = await Promise.all([
      project.summary(),
      project.snapshot(),
      project.instances(),
    ]);
    return { summary, snapshot, instances };
  } finally {
    await project.close();
  }
}

/** @returns false when the work ended with a finding */
async function collect(
  findings: Finding[],
  settings: Settings,
  { prefix }: Wanted,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    findings.push(findingOf(error, settings, prefix));
    return false;
  }
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set(['ORCHESTRATOR_STORE_REFUSED', 'ORCHESTRATOR_PREFIX_TAKEN']);

function findingOf({ code, message }: OrchestratorError, settings: Settings, prefix: string): Finding {
  if (code === 'ORCHESTRATOR_SCHEMA_MISMATCH') return finding('schema-mismatch', { message, prefix });
  if (code === 'ORCHESTRATOR_INVALID_SETTING') return finding('settings-incomplete', { message });
  const refused = REFUSALS.has(code);
  if (storeKind(settings) === 'local') {
    const fix = `ls -ld ${settings.localDir ?? defaultLocalDirectory()}`;
    return finding(refused ? 'store-refused' : 'store-unreachable', { message, fix });
  }
  const { redisUrl } = settings;
  const url = redisUrl === undefined ? undefined : new URL(redisUrl);
  const where =
    url === undefined || url.hostname === '' ? '' : ` -h ${url.hostname} -p ${url.port || '6379'}`;
  if (refused)
    return finding('store-refused', { message, fix: `redis-cli${where} --user <user> --askpass PING` });
  return finding('store-unreachable', { message, fix: `redis-cli${where} PING` });
}
