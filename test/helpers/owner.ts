type Release = () => void | Promise<void>;

/**
 * Whoever outlives a helper's resources: a `TestContext`, or `{ after }` of `node:test` for what a whole suite shares.
 */
export interface Owner {
  after(release: Release): void;
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
  owner.after(async () => {
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) await next();
  });
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
