import { attributeOf, type Attributes } from '../../model/series.js';
import type { InstanceSummary } from '../../store/store-reader.js';
import { type Command, defineCommand } from '../command.js';
import { agoText, isoText } from '../output/quantities.js';
import { type Column, printTable } from '../output/table.js';
import { projectOf, STORE_SETTINGS, withReader } from '../store/open-reader.js';

/** Lists the live processes of a project. */
export const instances: Command = defineCommand({
  name: 'instances',
  summary: 'Lists the live processes of a project: host, process id, version, last flush.',
  args: [{ name: 'project', description: 'Default: ORCHESTRATOR_PREFIX', optional: true, isProject: true }],
  settings: ['prefix', ...STORE_SETTINGS],
  examples: [
    { command: 'instances shop', does: 'Who adds to the numbers of the shop:' },
    { command: 'instances shop --json', does: 'With all resource attributes:' },
  ],
  run: (call) =>
    withReader(call, async (reader) => {
      const project = await projectOf(call, reader);
      const found = await reader.open(project).instances();
      if (call.json) return call.terminal.json(found.map(asJson));
      if (found.length === 0) {
        call.terminal.note(`No process of "${project.prefix}" is alive in ${reader.description}.`);
        return;
      }
      const columns = COLUMNS.filter(
        ({ isOptional, of }) => isOptional !== true || found.some((one) => of(one) !== '-'),
      );
      await printTable(
        call.terminal,
        columns,
        found.map((one) => columns.map(({ of }) => of(one))),
      );
    }),
});

interface InstanceColumn extends Column {
  readonly of: (instance: InstanceSummary) => string;
  /** Left out where no instance has it. */
  readonly isOptional?: true;
}

const attribute =
  (...names: readonly string[]) =>
  ({ resource }: InstanceSummary): string =>
    names.map((name) => attributeOf(resource, name)).find((value) => value !== undefined) ?? '-';

const COLUMNS: readonly InstanceColumn[] = [
  { title: 'INSTANCE', of: ({ id }) => id },
  { title: 'HOST', of: attribute('k8s.pod.name', 'host.name') },
  { title: 'PID', align: 'right', of: attribute('process.pid') },
  { title: 'PM2', align: 'right', of: attribute('pm2.id'), isOptional: true },
  { title: 'VERSION', of: attribute('service.version'), isOptional: true },
  { title: 'NODE', of: attribute('process.runtime.version') },
  {
    title: 'STARTED',
    align: 'right',
    of: ({ resource, nowMs }) => agoText(startOf(resource), nowMs),
  },
  { title: 'VALUES', align: 'right', of: ({ values }) => String(values) },
  { title: 'LAST FLUSH', align: 'right', of: ({ lastWriteMs, nowMs }) => agoText(lastWriteMs, nowMs) },
];

function startOf(resource: Attributes): number | undefined {
  const at = Date.parse(attributeOf(resource, 'process.creation.time') ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function asJson({ id, lease, resource, values, lastWriteMs, leaseEndsMs }: InstanceSummary): object {
  return {
    id,
    lease,
    values,
    lastFlush: isoText(lastWriteMs),
    leaseEnds: isoText(leaseEndsMs),
    resource: Object.fromEntries(resource),
  };
}
