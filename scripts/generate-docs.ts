import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { apiPage } from './docs/api-page.js';
import { architecturePage } from './docs/architecture-page.js';
import { commandLinePage } from './docs/command-line-page.js';
import { configurationPage } from './docs/configuration-page.js';
import { errorsPage } from './docs/errors-page.js';
import { metricsPage } from './docs/metrics-page.js';
import { operationsPage } from './docs/operations-page.js';
import { optionTypes } from './docs/option-types.js';

/** The files that are written from the source, wholly or in their tables, by their path in this package; `test/docs` keeps them current. */
export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  'docs/api.md': apiPage,
  'docs/architecture.md': architecturePage,
  'docs/command-line.md': commandLinePage,
  'docs/configuration.md': configurationPage,
  'docs/errors.md': errorsPage,
  'docs/operations.md': operationsPage,
  'docs/metrics.md': metricsPage,
  'src/config/setting-options.ts': optionTypes,
};

function main(): void {
  const root = resolve(__dirname, '../..');
  for (const [path, page] of Object.entries(GENERATED_PAGES)) writeFileSync(join(root, path), page());
}

if (require.main === module) main();
