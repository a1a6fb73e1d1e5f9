import { globMatcher } from '../../glob.js';
import type { ProjectSummary, StoreReader } from '../../store/store-reader.js';
import { type Command, defineCommand } from '../command.js';
import { agoText, bytesText, isoText } from '../output/quantities.js';
import { printTable } from '../output/table.js';
import { STORE_SETTINGS, withReader } from '../store/open-reader.js';

/** Lists what is in a store. */
export const projects: Command = defineCommand({
  name: 'projects',
  summary: 'Lists the projects of the store, with their instances, series, bytes and last write.',
  args: [{ name: 'globs', description: 'Only these: shop, crm-*', optional: true, variadic: true }],
  settings: STORE_SETTINGS,
  examples: [
    { command: 'projects', does: 'All projects of the local store of this user:' },
    {
      command: 'projects "crm-*" --redis-url redis://127.0.0.1:6379 --json',
      does: 'Some of a Redis, as JSON:',
    },
  ],
  run: (call) =>
    withReader(call, async (reader) => {
      const found = await summaries(reader, call.args);
      if (call.json) return call.terminal.json(found.map(asJson));
      if (found.length === 0) {
        const which =
          call.args.length === 0 ? 'no project' : `no project that matches ${call.args.join(', ')}`;
        call.terminal.note(`There is ${which} in ${reader.description}.`);
        return;
      }
      await printTable(
        call.terminal,
        [
          { title: 'PROJECT' },
          { title: 'NAME' },
          { title: 'INSTANCES', align: 'right' },
          { title: 'FAMILIES', align: 'right' },
          { title: 'SERIES', align: 'right' },
          { title: 'SIZE', align: 'right' },
          { title: 'LAST WRITE', align: 'right' },
        ],
        found.map(asRow),
      );
    }),
});

async function summaries(reader: StoreReader, globs: readonly string[]): Promise<ProjectSummary[]> {
  const isWanted = globs.length === 0 ? () => true : globMatcher(globs);
  const found: ProjectSummary[] = [];
  for (const name of await reader.projects()) {
    if (!isWanted(name.prefix) && !isWanted(name.project)) continue;
    const summary = await reader.open(name).summary();
    if (summary !== undefined) found.push(summary);
  }
  return found;
}

function asRow({
  prefix,
  project,
  instances,
  families,
  series,
  bytes,
  lastWriteMs,
  nowMs,
}: ProjectSummary): string[] {
  return [
    prefix,
    project,
    String(instances),
    String(families),
    String(series),
    bytesText(bytes),
    agoText(lastWriteMs, nowMs),
  ];
}

function asJson({ lastWriteMs, nowMs: _now, bytes, project, ...numbers }: ProjectSummary): object {
  return { ...numbers, name: project, bytes: bytes ?? null, lastWrite: isoText(lastWriteMs) };
}
