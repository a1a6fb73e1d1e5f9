import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { FAMILIES, FAMILY, type FamiliesAnswer, type FamilyAnswer, type FamilyName } from '../../protocol.js';
import type { Reply } from '../ask.js';
import { useAnswers } from '../use-answers.js';
import { FamilyDetail } from './family-detail.jsx';
import { FilterField } from './filter-field.jsx';
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
  const [list, setList] = useState<FamiliesAnswer>();
  const [family, setFamily] = useState<FamilyAnswer>();
  useAnswers<FamiliesAnswer>(
    { path: () => `${FAMILIES}?${query}`, take: keeping(setList, LIST_MS), isOn: !isPaused },
    [query],
  );
  useAnswers<FamilyAnswer>(
    {
      path: () => `${FAMILY}?${query}&name=${encodeURIComponent(name)}`,
      take: keeping(setFamily, everyMs),
      isOn: !isPaused && name !== '',
    },
    [query, name, everyMs],
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
        <FilterField
          label="Filter metrics"
          placeholder="Filter by name or description"
          value={filter}
          set={setFilter}
        />
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

/** Keeps the newest answer. */
function keeping<T>(set: (answer: T) => void, everyMs: number): (reply: Reply<T>) => number {
  return (reply) => {
    if (reply.kind === 'answer') set(reply.value);
    return everyMs;
  };
}
