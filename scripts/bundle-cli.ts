import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

import { build, type Plugin } from 'esbuild';

import { licenses } from './licenses.js';

/**
 * Makes the program `orchestrator` of the compiled src/cli: one file with the libraries that only it uses, so that installing
 * the package installs none of them. Everything else of the package, and its dependencies, stay outside: there is one copy
 * of each module. `npm run build` runs it: `node dist/scripts/bundle-cli.js`.
 */

const ROOT = resolve(__dirname, '../..');
const CLI = join(ROOT, 'dist/src/cli');
const ENTRY = join(CLI, 'main.js');
const FOLDER = join(ROOT, 'dist/bin');

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

async function main(): Promise<void> {
  const { metafile } = await build({
    entryPoints: [ENTRY],
    outfile: join(FOLDER, 'orchestrator.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    // A part of a library that asks for itself by `import.meta.url` has none in CommonJS; the few that do have another way.
    logOverride: { 'empty-import-meta': 'silent' },
    write: true,
    legalComments: 'none',
    sourcemap: hasSourceMaps(),
    metafile: true,
    logLevel: 'warning',
    plugins: [outside()],
  });
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'licenses.txt'), licenses('The program "orchestrator"', metafile));
}

/** As the compiler does for all other files. */
function hasSourceMaps(): boolean {
  const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: { sourceMap?: boolean };
  };
  return compilerOptions.sourceMap === true;
}

/** The package's other files by their path from the bundle, and its dependencies by their name. */
function outside(): Plugin {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  return {
    name: 'outside',
    setup(bundler) {
      bundler.onResolve({ filter: /.*/ }, ({ path, importer, resolveDir }) => {
        if (!importer.startsWith(CLI + sep)) return undefined;
        if (!path.startsWith('.'))
          return packageOf(path) in dependencies ? { path, external: true } : undefined;
        const file = resolve(resolveDir, path);
        if (file.startsWith(CLI + sep)) return undefined;
        return { path: relative(FOLDER, file).replaceAll('\\', '/'), external: true };
      });
    },
  };
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

void main();
