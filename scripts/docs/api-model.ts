import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { ApiModel, type ApiItem } from '@microsoft/api-extractor-model';

import { ROOT } from './region.js';

/** What the package exports, from its declarations, and what is wrong with their documentation. */
export interface ApiSurface {
  readonly items: readonly ApiItem[];
  /** `file: message`, for comments that TSDoc cannot read. */
  readonly faults: readonly string[];
}

/** Reads the declarations in `dist/src`, which must be current. */
export function apiSurface(): ApiSurface {
  const folder = mkdtempSync(join(tmpdir(), 'api-'));
  try {
    const file = join(folder, 'api.json');
    const faults = extract(file);
    const [entry] = new ApiModel().loadPackage(file).entryPoints;
    return { items: entry?.members ?? [], faults };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function extract(apiJsonFilePath: string): string[] {
  const entry = join(ROOT, 'dist', 'src', 'index.d.ts');
  const compilerOptions = {
    target: 'es2023',
    module: 'node16',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    rootDir: ROOT,
  };
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: entry,
      compiler: { overrideTsconfig: { compilerOptions, files: [entry] } },
      apiReport: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { tsdocMessageReporting: { default: { logLevel: 'warning' as never } } },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
  });
  const faults: string[] = [];
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      const { messageId, sourceFilePath = '', text } = message;
      // `@param name text`, without the hyphen, is how this package writes it.
      if (messageId === 'tsdoc-param-tag-missing-hyphen') return;
      if (messageId.startsWith('tsdoc-') || messageId === 'ae-unresolved-link')
        faults.push(`${sourceFilePath.slice(ROOT.length + 1)}: ${text}`);
    },
  });
  return faults;
}
