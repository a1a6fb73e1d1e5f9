import type { JSX } from 'preact';

import type { Now, ProcessNow } from '../../protocol.js';
import { age, bytes, seconds, share } from '../format.js';
import type { Rows } from '../rows.js';
import { type Column, SortableTable } from './sortable-table.jsx';
import { Sparkline } from './sparkline.jsx';

/** The live processes, one by one. */
export function Processes({ now, rows }: { readonly now: Now; readonly rows: Rows }): JSX.Element {
  const columns: ReadonlyArray<Column<ProcessNow>> = [
    {
      title: 'Process',
      cell: ({ pid, id }) => <code title={id}>{pid === '' ? id.slice(0, 8) : pid}</code>,
      by: ({ pid, id }) => Number(pid) || id,
    },
    { title: 'Host', cell: ({ host }) => host, by: ({ host }) => host },
    {
      title: 'Up for',
      cell: ({ startedAtMs }) => age(startedAtMs === null ? null : Date.now() - startedAtMs),
      by: ({ startedAtMs }) => (startedAtMs === null ? null : Date.now() - startedAtMs),
    },
    {
      title: 'Loop delay',
      about: '99th percentile of the last minute',
      cell: ({ loop }) => seconds(loop),
      by: ({ loop }) => loop,
    },
    {
      title: 'Loop use',
      about: 'Event loop utilization',
      cell: ({ utilization }) => share(utilization),
      by: ({ utilization }) => utilization,
    },
    {
      title: 'CPU',
      about: 'Of all processors of its host',
      cell: ({ cpu }) => share(cpu),
      by: ({ cpu }) => cpu,
    },
    { title: 'Heap', about: 'Used by JavaScript', cell: ({ heap }) => bytes(heap), by: ({ heap }) => heap },
    { title: 'Memory', about: 'Resident', cell: ({ memory }) => bytes(memory), by: ({ memory }) => memory },
    {
      title: 'Curve',
      about: 'Resident memory',
      cell: ({ column }) => column !== null && <Sparkline values={rows.column(`memory ${column}`)} />,
    },
  ];
  return (
    <section class="card" id="instances" aria-labelledby="instances-title">
      <header>
        <h2 id="instances-title">Instances</h2>
      </header>
      <SortableTable
        caption="Live instances"
        rows={now.processes}
        keyOf={({ id }) => id}
        columns={columns}
        sortedBy="Up for"
        empty="No live instance."
      />
    </section>
  );
}
