import type { Owner } from './owner.js';

/** Keeps the process alive until its owner ends: timers of the package do not. */
export function stayAlive(owner: Owner): void {
  const timer = setInterval(() => undefined, 1000);
  owner.after(() => clearInterval(timer));
}
