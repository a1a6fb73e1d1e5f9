import type { FolderFacts } from '../facts/folders.js';
import { bytesText } from '../../output/quantities.js';
import { finding, type Finding } from '../findings.js';

/** Less than one checkpoint of a middling project. */
const MIN_FREE_BYTES = 10_000_000;

/** Types of statfs(2). */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB',
  0x517b: 'SMB',
  0x01021997: '9P',
  0x5346414f: 'AFS',
  0x47504653: 'GPFS',
  0x0bd00bd0: 'Lustre',
};

/**
 * The folders of the store, the outer one first. What is said of one is not said again of the next, which is in it.
 *
 * @param uid of the user who runs the application; undefined on Windows
 */
export function checkFolders(folders: readonly FolderFacts[], uid: number | undefined): Finding[] {
  const findings: Finding[] = [];
  for (const found of folders.flatMap((facts) => checkFolder(facts, uid)))
    if (!findings.some(({ name }) => name === found.name)) findings.push(found);
  return findings;
}

/** @param uid of the user who runs the application; undefined on Windows */
export function checkFolder(facts: FolderFacts, uid: number | undefined): Finding[] {
  const { folder, freeBytes, fileSystem } = facts;
  const unsafe = unsafeReason(facts, uid);
  if (unsafe !== undefined) return [finding('local-folder-unsafe', { folder, ...unsafe })];
  const kind = NETWORK_FILE_SYSTEMS[fileSystem ?? 0];
  return [
    ...(freeBytes !== undefined && freeBytes < MIN_FREE_BYTES
      ? [finding('local-folder-full', { folder, free: bytesText(freeBytes) })]
      : []),
    ...(kind === undefined ? [] : [finding('local-folder-network', { folder, kind })]),
  ];
}

/** What the store itself refuses; the rights of a group it takes away by itself. */
function unsafeReason(
  { folder, kind, mode, uid: owner, isPrivate, isWritable }: FolderFacts,
  uid: number | undefined,
): { readonly why: string; readonly fix: string } | undefined {
  if (kind === 'link') return { why: 'it is a link', fix: `rm ${folder}` };
  if (kind === 'other') return { why: 'it is not a folder', fix: `rm ${folder}` };
  if (isPrivate && uid !== undefined) {
    if (owner !== uid)
      return {
        why: `it belongs to user ${owner}, and this is user ${uid}`,
        fix: `sudo chown ${uid} ${folder}`,
      };
    if ((mode & 0o002) !== 0) return { why: 'all users may write to it', fix: `chmod 700 ${folder}` };
  }
  if (!isWritable) return { why: 'this user may not write to it', fix: `chmod u+rwx ${folder}` };
  return undefined;
}
