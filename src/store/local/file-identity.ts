import { constants, type BigIntStats } from 'node:fs';

/** `never` fails with ENOENT, `always` with EEXIST. */
export type Creation = 'never' | 'if absent' | 'always';

/** A link is not followed, and a pipe does not wait for whoever writes to it. Undefined on Windows. */
const { O_NOFOLLOW, O_NONBLOCK }: { readonly O_NOFOLLOW?: number; readonly O_NONBLOCK?: number } = constants;
const UNTRICKED = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

export function openFlags(create: Creation): number {
  const { O_RDWR, O_APPEND, O_CREAT, O_EXCL } = constants;
  const creating = create === 'never' ? 0 : create === 'always' ? O_CREAT | O_EXCL : O_CREAT;
  return O_RDWR | O_APPEND | creating | UNTRICKED;
}

export const READING_FLAGS: number = constants.O_RDONLY | UNTRICKED;

/** What opening a file threw, or why a link was refused. */
export function openingError(file: string, error: unknown): unknown {
  const isLink = error instanceof Error && 'code' in error && error.code === 'ELOOP';
  return isLink ? new RangeError(`${file} is a link`, { cause: error }) : error;
}

/** A pipe or a device would be read for ever. */
export function assertFile(file: string, stats: BigIntStats): void {
  if (!stats.isFile()) throw new RangeError(`${file} is no file`);
}

/**
 * As with folders: true if a volume's mount gave rights to a group, which are taken away. Throws for what another user put
 * there.
 */
export function rightsToTake(file: string, stats: BigIntStats): boolean {
  assertFile(file, stats);
  const { uid, mode } = stats;
  const own = process.getuid?.();
  if (own === undefined) return false;
  if (uid !== BigInt(own)) throw new RangeError(`${file} belongs to user ${uid}`);
  return (mode & 0o077n) !== 0n;
}

/** False when the file was replaced, by a link for example, or cut. While it is open, no other file can have its inode. */
export function isPlace({ dev, ino, size }: BigIntStats, identity: BigIntStats, position: number): boolean {
  return dev === identity.dev && ino === identity.ino && size >= position;
}
