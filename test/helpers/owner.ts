/**
 * Whoever outlives a helper's resources: a `TestContext`, or `{ after }` of `node:test` for what a whole suite shares.
 */
export interface Owner {
  after(release: () => void | Promise<void>): void;
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
