import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process of this host. */
export interface HostProcess {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

const LISTEN = '0A';

/** The process that listens on a TCP port, as far as this user may see it: on Linux, and of others' processes only as root. */
export function processOnPort(port: number): HostProcess | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeningInodes(file, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    const holds = namesIn(`/proc/${pid}/fd`).some((fd) => {
      const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inodes.has(inode);
    });
    if (holds) return { pid: Number(pid), command: commandOf(pid) };
  }
  return undefined;
}

function listeningInodes(file: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return textOf(file)
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      return state === LISTEN && local.endsWith(`:${wanted}`) ? [inode] : [];
    });
}

function commandOf(pid: string): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 200);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
