import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One file of the page, made by `npm run build`. */
export interface PageFile {
  readonly name: string;
  readonly type: string;
  /** Of its content. */
  readonly hash: string;
  readonly plain: Buffer;
  /** Undefined for what does not become smaller. */
  readonly gzip: Buffer | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** Of the package, beside the compiled sources. */
const FOLDER = join(__dirname, '../../page');

/** By name. Rejects if they are not there: in a bundle of the application's own. */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = await Promise.all(
    Object.entries(TYPES).map(async ([name, type]): Promise<PageFile> => {
      const path = join(FOLDER, name);
      const [plain, gzip] = await Promise.all([readFile(path), readFile(`${path}.gz`)]);
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
