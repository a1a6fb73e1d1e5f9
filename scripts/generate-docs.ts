import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { configurationPage } from './docs/configuration-page.js';
import { errorsPage } from './docs/errors-page.js';
import { optionTypes } from './docs/option-types.js';

/** The files that are written from the source, by their path in this package; `test/docs` keeps them current. */
export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configurationPage,
  'docs/errors.md': errorsPage,
  'src/config/setting-options.ts': optionTypes,
};

function main(): void {
  const root = resolve(__dirname, '../..');
  for (const [path, page] of Object.entries(GENERATED_PAGES)) writeFileSync(join(root, path), page());
}

if (require.main === module) main();
