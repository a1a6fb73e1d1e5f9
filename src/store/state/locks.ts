/** The holder of a lock, and the end of its time. */
export interface Lock {
  readonly lease: string;
  readonly endsAtMs: number;
}

/** The locks of a project, by name. */
export class Locks extends Map<string, Lock> {
  /** Gives or renews a lock, unless another instance has it. */
  acquire(lease: string, name: string, ms: number, atMs: number): void {
    if (!this.isHeldByOther(lease, name, atMs)) this.set(name, { lease, endsAtMs: atMs + ms });
  }

  isHeldBy(lease: string, name: string, atMs: number): boolean {
    const lock = this.get(name);
    return lock !== undefined && lock.lease === lease && lock.endsAtMs > atMs;
  }

  isHeldByOther(lease: string, name: string, atMs: number): boolean {
    const lock = this.get(name);
    return lock !== undefined && lock.lease !== lease && lock.endsAtMs > atMs;
  }

  /** Frees what an instance has. */
  endLease(lease: string): void {
    for (const [name, lock] of this) if (lock.lease === lease) this.delete(name);
  }

  sweep(atMs: number): void {
    for (const [name, { endsAtMs }] of this) if (endsAtMs <= atMs) this.delete(name);
  }
}
