import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { licenses } from './licenses.js';

/**
 * Makes the files of the live page of src/page/browser: one script with the libraries that it uses, one style sheet, one icon,
 * each packed. `npm run build` runs it: `node dist/scripts/bundle-page.js`.
 */

const ROOT = resolve(__dirname, '../..');
const SOURCE = join(ROOT, 'src/page/browser');
const FOLDER = join(ROOT, 'dist/page');

async function main(): Promise<void> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['app.tsx', 'page.css'].map((name) => ({ in: join(SOURCE, name), out: 'app' })),
    outdir: FOLDER,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    write: false,
    logLevel: 'warning',
    tsconfig: join(SOURCE, 'tsconfig.json'),
  });
  mkdirSync(FOLDER, { recursive: true });
  for (const { path, contents } of outputFiles) write(path, contents);
  write(join(FOLDER, 'icon.svg'), readFileSync(join(SOURCE, 'icon.svg')));
  writeFileSync(join(FOLDER, 'licenses.txt'), licenses('The live page', metafile));
}

function write(path: string, contents: Uint8Array): void {
  writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
}

void main();
