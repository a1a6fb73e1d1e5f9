import { useState } from 'preact/hooks';
import type { JSX } from 'preact';

import type { Now, RouteNow } from '../../protocol.js';
import { count, rate, seconds, share } from '../format.js';
import type { Rows } from '../rows.js';
import { FilterField } from './filter-field.jsx';
import { type Column, SortableTable } from './sortable-table.jsx';
import { Sparkline } from './sparkline.jsx';

const nameOf = ({ method, route }: RouteNow): string => `${method} ${route === '' ? '(no route)' : route}`;

/** Requests by route: those that are asked for now, and those that ever were. */
export function Routes({ now, rows }: { readonly now: Now; readonly rows: Rows }): JSX.Element {
  const [filter, setFilter] = useState('');
  const shown = now.routes.filter((route) => nameOf(route).toLowerCase().includes(filter.toLowerCase()));
  const columns: ReadonlyArray<Column<RouteNow>> = [
    { title: 'Method', cell: ({ method }) => method, by: ({ method }) => method },
    {
      title: 'Route',
      cell: ({ route }) => (route === '' ? <em>no route</em> : route),
      by: ({ route }) => route,
    },
    {
      title: 'Req/s',
      about: 'Requests per second',
      cell: ({ perSecond }) => rate(perSecond),
      by: ({ perSecond }) => perSecond,
    },
    {
      title: 'Curve',
      about: 'Requests per second',
      cell: ({ column }) => column !== null && <Sparkline values={rows.column(column)} />,
    },
    {
      title: 'Errors',
      about: 'Share of requests that failed: 5xx, or never answered',
      cell: ({ errorShare }) => (
        <span class={(errorShare ?? 0) > 0 ? 'bad' : undefined}>{share(errorShare)}</span>
      ),
      by: ({ errorShare }) => errorShare,
    },
    { title: 'p50', cell: ({ p50 }) => seconds(p50), by: ({ p50 }) => p50 },
    { title: 'p95', cell: ({ p95 }) => seconds(p95), by: ({ p95 }) => p95 },
    { title: 'p99', cell: ({ p99 }) => seconds(p99), by: ({ p99 }) => p99 },
    {
      title: 'Failed',
      about: 'Failed requests ever counted',
      cell: ({ failed }) => count(failed),
      by: ({ failed }) => failed,
    },
    {
      title: 'Total',
      about: 'Requests ever counted',
      cell: ({ requests }) => count(requests),
      by: ({ requests }) => requests,
    },
  ];
  return (
    <section class="card" id="routes" aria-labelledby="routes-title">
      <header>
        <h2 id="routes-title">Routes</h2>
        <FilterField label="Filter routes" placeholder="Filter" value={filter} set={setFilter} />
      </header>
      <SortableTable
        caption="Requests by route"
        rows={shown}
        keyOf={nameOf}
        columns={columns}
        sortedBy="Req/s"
        filter={filter}
        empty={filter === '' ? 'No HTTP request was counted yet.' : 'No route has this text.'}
      />
    </section>
  );
}
