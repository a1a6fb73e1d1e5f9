import type { RedisDiagnosis } from '../../../store/redis-diagnosis.js';
import { bytesText } from '../../output/quantities.js';
import { finding, type Finding } from '../findings.js';

/** A flush of a few round trips then takes a noticeable part of the 1.4 s that an ending process has. */
const SLOW_MS = 50;
const CLOCK_MS = 30_000;
const FULL_PERCENT = 90;

export interface RedisAnswer {
  readonly prefix: string;
  /** The ACL user; `default` without one. */
  readonly user: string;
  readonly diagnosis: RedisDiagnosis;
}

/** What a reachable Redis says about itself. */
export function checkRedis({ prefix, user, diagnosis }: RedisAnswer): Finding[] {
  const { description: store, info = {}, latencyMs, refused, writeError, clockOffsetMs } = diagnosis;
  const findings: Finding[] = [];
  const version = info['redis_version'];
  if (version !== undefined && isOlder(version, [6, 2])) findings.push(finding('redis-version', { version }));
  const isReplica = info['role'] === 'slave' || writeError?.startsWith('READONLY') === true;
  if (isReplica) findings.push(finding('redis-replica', { store, master: masterOf(info) }));
  else if (writeError !== undefined) findings.push(finding('redis-write', { store, error: writeError }));
  if (refused.length > 0) {
    const rights = refused.map((command) => `+${command}`).join(' ');
    findings.push(finding('redis-rights', { user, prefix, commands: refused.join(', '), rights }));
  }
  findings.push(...checkMemory(info));
  if (latencyMs > SLOW_MS) findings.push(finding('redis-slow', { store, ms: Math.round(latencyMs) }));
  if (clockOffsetMs !== undefined && Math.abs(clockOffsetMs) > CLOCK_MS) {
    const seconds = Math.round(Math.abs(clockOffsetMs) / 1000);
    findings.push(finding('redis-clock', { seconds, direction: clockOffsetMs > 0 ? 'ahead' : 'behind' }));
  }
  return findings;
}

function masterOf(info: Readonly<Record<string, string>>): string {
  const { master_host: host, master_port: port } = info;
  return host === undefined || port === undefined ? 'the master' : `${host}:${port}`;
}

/** Without a limit Redis neither evicts nor refuses. */
function checkMemory(info: Readonly<Record<string, string>>): Finding[] {
  const limit = Number(info['maxmemory'] ?? 0);
  if (!(limit > 0)) return [];
  const findings: Finding[] = [];
  const policy = info['maxmemory_policy'] ?? 'noeviction';
  if (policy !== 'noeviction') findings.push(finding('redis-eviction', { policy }));
  const used = Number(info['used_memory'] ?? 0);
  const percent = Math.floor((100 * used) / limit);
  if (percent >= FULL_PERCENT)
    findings.push(finding('redis-memory', { percent, used: bytesText(used), limit: bytesText(limit) }));
  return findings;
}

function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [theirMajor = 0, theirMinor = 0] = version.split('.').map(Number);
  return theirMajor < major || (theirMajor === major && theirMinor < minor);
}
