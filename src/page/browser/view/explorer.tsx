import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { FAMILIES, FAMILY, type FamiliesAnswer, type FamilyAnswer, type FamilyName } from '../../protocol.js';
import { ask } from '../ask.js';
import { Poll } from '../poll.js';
import { FamilyDetail } from './family-detail.jsx';
import { type Column, SortableTable } from './sortable-table.jsx';

export interface ExplorerProps {
  /** Of the project, for the addresses: `project=shop`, or nothing. */
  readonly query: string;
  readonly everyMs: number;
  readonly isPaused: boolean;
  readonly span: number;
}

/** The list changes seldom. */
const LIST_MS = 15_000;

/** Any metric: what it is, and what it says. */
export function Explorer({ query, everyMs, isPaused, span }: ExplorerProps): JSX.Element {
  const [filter, setFilter] = useState('');
  const [name, setName] = useState(chosen);
  const { value: list } = usePolled<FamiliesAnswer>(`${FAMILIES}?${query}`, LIST_MS, isPaused);
  const { value: family } = usePolled<FamilyAnswer>(
    name === '' ? undefined : `${FAMILY}?${query}&name=${encodeURIComponent(name)}`,
    everyMs,
    isPaused,
  );
  useEffect(() => {
    const follow = (): void => setName(chosen());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const text = filter.toLowerCase();
  const shown = (list?.families ?? []).filter((one) =>
    `${one.name} ${one.help}`.toLowerCase().includes(text),
  );
  const columns: ReadonlyArray<Column<FamilyName>> = [
    {
      title: 'Metric',
      cell: (one) => (
        <a
          href={`#metric=${encodeURIComponent(one.name)}`}
          title={one.help}
          aria-current={one.name === name ? 'true' : undefined}
        >
          {one.name}
        </a>
      ),
      by: (one) => one.name,
    },
    { title: 'Type', cell: ({ type }) => type, by: ({ type }) => type },
    { title: 'Series', cell: ({ series }) => series, by: ({ series }) => series },
  ];
  return (
    <section class="card explorer" id="metrics" aria-labelledby="metrics-title">
      <header>
        <h2 id="metrics-title">Metrics</h2>
        <label class="filter">
          <span class="hidden">Filter metrics</span>
          <input
            type="search"
            placeholder="Filter by name or description"
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
      </header>
      <div class="explore">
        <SortableTable
          caption="All metrics"
          rows={shown}
          keyOf={(one) => one.name}
          columns={columns}
          sortedBy="Metric"
          filter={filter}
          empty="No metric has this text."
        />
        {family === undefined || family.name !== name ? (
          <p class="empty">
            {name === '' ? 'Choose a metric to see what it says.' : `${name}: nothing yet.`}
          </p>
        ) : (
          <FamilyDetail family={family} span={span} />
        )}
      </div>
    </section>
  );
}

/** The metric that the address names, so that it is there again after a reload. */
function chosen(): string {
  const named = /^#metric=(.+)$/.exec(location.hash)?.[1];
  try {
    return decodeURIComponent(named ?? '');
  } catch {
    return '';
  }
}

interface Polled<T> {
  /** Undefined before there is one. */
  readonly value: T | undefined;
}

/** The newest answer at an address. */
function usePolled<T>(path: string | undefined, everyMs: number, isPaused: boolean): Polled<T> {
  const [answer, setAnswer] = useState<T>();
  useEffect(() => {
    if (path === undefined || isPaused) return undefined;
    let known: string | undefined;
    const poll = new Poll(async (signal) => {
      const reply = await ask<T>(path, known, signal);
      if (reply.kind === 'answer') {
        known = reply.etag;
        setAnswer(reply.value);
      }
      return { waitMs: everyMs, failed: reply.kind === 'failed' || reply.kind === 'token needed' };
    });
    poll.start();
    return () => poll.stop();
  }, [path, everyMs, isPaused]);
  return { value: answer };
}
