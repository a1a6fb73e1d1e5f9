import { dirname, join } from 'node:path';

import type { Environment } from '../../../config/environment.js';
import { ECOSYSTEM_FILE, ecosystemWithPreload } from '../../changes/ecosystem.js';
import { textOfFile } from '../../changes/file-change.js';
import { PACKAGE, parseManifest, STARTS } from '../../changes/manifest.js';
import { filesBelow } from '../../source/source-files.js';
import { packageUses } from '../../source/package-use.js';
import { sourcesOf } from '../../source/source-files.js';

/** How the application's folder says that it is started. */
export interface StartFacts {
  readonly folder: string;
  /** Start scripts of package.json by name. */
  readonly scripts: Readonly<Record<string, string>>;
  /** The content of PM2's ecosystem file, and what it would be with the preload. */
  readonly ecosystem: { readonly file: string; readonly before: string; readonly after: string } | undefined;
  readonly nodeOptions: string;
  /** The source calls `start()` by itself, which is as good. */
  readonly startsInCode: boolean;
  /** True if Node finds `@org/orchestrator/register` from the folder. */
  readonly isInstalled: boolean;
}

/** How the application in `folder` is started, as far as its files say. */
export function startFacts(folder: string, environment: Environment): StartFacts {
  const manifest = parseManifest(textOfFile(folder, 'package.json') ?? '');
  const scripts = Object.entries(manifest?.scripts ?? {}).filter(
    // Where one develops, nobody misses metrics.
    ([name]) => STARTS.test(name) && !name.startsWith('dev'),
  );
  const [file] = filesBelow(folder, (name) => ECOSYSTEM_FILE.test(name)).paths;
  const before = file === undefined ? undefined : textOfFile(folder, file);
  return {
    folder,
    scripts: Object.fromEntries(scripts),
    ecosystem:
      file === undefined || before === undefined
        ? undefined
        : { file, before, after: ecosystemWithPreload(file, before).text },
    nodeOptions: environment['NODE_OPTIONS'] ?? '',
    startsInCode: startsInCode(folder),
    isInstalled: isInstalled(folder),
  };
}

/** `start()` of this package, or its preload as an import. */
function startsInCode(folder: string): boolean {
  return sourcesOf(folder, [PACKAGE]).files.some((file) => {
    const { uses } = packageUses(file, (name) => name === PACKAGE);
    return (
      uses.some(({ member }) => member === 'start') || /['"]@org\/orchestrator\/register['"]/.test(file.text)
    );
  });
}

/** As Node looks for it: from the folder upward. */
export function isInstalled(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (textOfFile(at, join('node_modules', PACKAGE, 'package.json')) !== undefined) return true;
    if (at === dirname(at)) return false;
  }
}
