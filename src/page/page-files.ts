import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** One file of the page, made by `npm run build`. */
export interface PageFile {
  readonly name: string;
  readonly type: string;
  /** Of its content. */
  readonly hash: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

const unpack = promisify(gunzip);

/** Of the package, beside the compiled sources. */
const FOLDER = join(__dirname, '../../page');

/** By name. Rejects if they are not there: in a bundle of the application's own. */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = await Promise.all(
    Object.entries(TYPES).map(async ([name, type]): Promise<PageFile> => {
      const gzip = await readFile(join(FOLDER, `${name}.gz`));
      const plain = await unpack(gzip);
      return {
        name,
        type,
        hash: createHash('sha256').update(plain).digest('base64url').slice(0, 12),
        plain,
        gzip,
      };
    }),
  );
  return new Map(files.map((file) => [file.name, file]));
}
