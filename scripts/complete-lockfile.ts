import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Adds to package-lock.json the optional packages of other platforms (native binaries) that a registry without them left
 * out: with an entry missing `npm ci` refuses the whole file, on every machine. Run it after `npm install`:
 * `node dist/scripts/complete-lockfile.js`.
 */

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lockfile {
  packages: Record<string, Entry>;
}

const FILE = 'package-lock.json';
const PLATFORM =
  /[-/](?<os>aix|android|darwin|freebsd|linux|openbsd|openharmony|sunos|win32)-(?<cpu>[a-z0-9]+)(?:-[a-z]+)?$/;
const EXACT = /^\d+\.\d+\.\d+$/;

function main(): void {
  const lockfile = JSON.parse(readFileSync(FILE, 'utf8')) as Lockfile;
  const packages: Record<string, Entry> = { ...lockfile.packages };
  for (const [path, parent] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const platform = PLATFORM.exec(name)?.groups;
      const own = `${path}/node_modules/${name}`;
      const shared = `node_modules/${name}`;
      if (path === '' || platform === undefined || !EXACT.test(version) || own in packages) continue;
      if (packages[shared]?.version === version) continue;
      packages[shared in packages ? own : shared] = {
        version,
        cpu: [platform['cpu'] ?? ''],
        ...(parent.dev === true && { dev: true }),
        optional: true,
        os: [platform['os'] ?? ''],
      };
    }
  }
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(FILE, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}

main();
