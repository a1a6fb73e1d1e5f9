import { after } from 'node:test';

type Release = () => void | Promise<void>;

/** Whoever outlives a helper's resources: a `TestContext`, or a {@link suiteOwner} for what several tests share. */
export interface Owner {
  after(release: Release): void;
}

/**
 * Ends with the file or suite in whose body it is made. `after` of `node:test` itself would, called inside a `before` hook,
 * belong to that hook and end with it.
 */
export function suiteOwner(): Owner {
  const stack: Release[] = [];
  after(() => releaseAll(stack));
  return { after: (release) => void stack.push(release) };
}

/** An owner of its own for some work outside a test: what the work makes ends with it. */
export async function ownedBy<T>(work: (owner: Owner) => Promise<T>): Promise<T> {
  const stack: Release[] = [];
  try {
    return await work({ after: (release) => void stack.push(release) });
  } finally {
    await releaseAll(stack);
  }
}

const releases = new WeakMap<Owner, Release[]>();

/** Released in reverse: what was made first, a folder, is what everything after it stands on. */
export function onEnd(owner: Owner, release: Release): void {
  const known = releases.get(owner);
  if (known !== undefined) {
    known.push(release);
    return;
  }
  const stack = [release];
  releases.set(owner, stack);
  owner.after(() => releaseAll(stack));
}

async function releaseAll(stack: Release[]): Promise<void> {
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) await next();
}

const children = new Set<number>();
let listening = false;

/** The child is killed even when this process ends without its `after` hooks, as it does when the runner's time is up. */
export function killWithThisProcess(pid: number | undefined): void {
  if (pid === undefined) return;
  if (!listening) {
    listening = true;
    process.on('exit', killAll);
    process.once('SIGTERM', () => process.exit(143));
    process.once('SIGINT', () => process.exit(130));
  }
  children.add(pid);
}

export function forgetChild(pid: number | undefined): void {
  if (pid !== undefined) children.delete(pid);
}

function killAll(): void {
  for (const pid of children) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}
