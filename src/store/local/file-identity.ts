import { constants, type BigIntStats } from 'node:fs';

/** `never` fails with ENOENT, `always` with EEXIST. */
export type Creation = 'never' | 'if absent' | 'always';

export function openFlags(create: Creation): number {
  const { O_RDWR, O_APPEND, O_CREAT, O_EXCL } = constants;
  // Undefined on Windows.
  const noFollow: number | undefined = constants.O_NOFOLLOW;
  const creating = create === 'never' ? 0 : create === 'always' ? O_CREAT | O_EXCL : O_CREAT;
  return O_RDWR | O_APPEND | creating | (noFollow ?? 0);
}

/**
 * As with folders: true if a volume's mount gave rights to a group, which are taken away. Throws for what another user put
 * there.
 */
export function rightsToTake(file: string, { uid, mode }: BigIntStats): boolean {
  const own = process.getuid?.();
  if (own === undefined) return false;
  if (uid !== BigInt(own)) throw new RangeError(`${file} belongs to user ${uid}`);
  return (mode & 0o077n) !== 0n;
}

/** False when the file was replaced or cut. While it is open, no other file can have its inode. */
export function isPlace({ dev, ino, size }: BigIntStats, identity: BigIntStats, position: number): boolean {
  return dev === identity.dev && ino === identity.ino && size >= position;
}
