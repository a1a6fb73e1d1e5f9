import type { JSX } from 'preact';

import type { FamilyAnswer, PointNow } from '../../protocol.js';
import { count, quantity, rate, seconds } from '../format.js';
import { Chart } from './chart.jsx';
import { COLOURS } from './colours.js';
import { type Column, SortableTable } from './sortable-table.jsx';

const CURVES = 8;

/** One metric: its curves, and all of its series. */
export function FamilyDetail({
  family,
  span,
}: {
  readonly family: FamilyAnswer;
  readonly span: number;
}): JSX.Element {
  const { name, type, help, unit, series, points, times } = family;
  const adds = type === 'counter' || type === 'histogram';
  const common = commonLabels(points);
  const own = ({ labels }: PointNow): PointNow['labels'] => labels.filter(([key]) => !common.has(key));
  const curves = points.filter(({ curve }) => curve.length > 0).slice(0, CURVES);
  const said = (value: number | null): string =>
    type === 'histogram' ? count(value) : quantity(value, adds ? '' : unit);
  const time = (value: number | null): string =>
    unit === 'seconds' ? seconds(value) : quantity(value, unit);
  const columns: Array<Column<PointNow>> = [
    {
      title: 'Labels',
      cell: (point) => <Labels labels={own(point)} />,
      by: (point) => labelText(own(point)),
    },
    {
      title: type === 'histogram' ? 'Count' : 'Value',
      cell: ({ value }) => <span title={String(value)}>{said(value)}</span>,
      by: ({ value }) => value,
    },
    ...(adds
      ? [
          {
            title: 'Per second',
            cell: ({ perSecond }: PointNow) => rate(perSecond),
            by: ({ perSecond }: PointNow) => perSecond,
          },
        ]
      : []),
    ...(type === 'histogram'
      ? [
          { title: 'Sum', cell: ({ sum }: PointNow) => quantity(sum, unit), by: ({ sum }: PointNow) => sum },
          ...(['p50', 'p95', 'p99'] as const).map((key) => ({
            title: key,
            cell: (point: PointNow) => time(point[key]),
            by: (point: PointNow) => point[key],
          })),
        ]
      : []),
  ];
  return (
    <div class="detail" aria-label={name} role="group">
      <h3>{name}</h3>
      <p class="help">
        <span class="badge">{type}</span>
        {unit !== '' && <span class="badge">{unit}</span>}
        <span class="badge">{series} series</span> {help}
      </p>
      <Chart
        label={`${name}, ${adds ? 'per second' : 'value'}: the largest ${curves.length} series`}
        times={times.map((ms) => ms / 1000)}
        span={span}
        least={0}
        isBytes={unit === 'bytes' && !adds}
        format={adds ? rate : (value) => quantity(value, unit)}
        lines={curves.map((point, index) => ({
          label: labelText(own(point)),
          colour: index % COLOURS,
          values: point.curve,
        }))}
      />
      {common.size > 0 && (
        <p class="help">
          All series: <Labels labels={points[0]?.labels.filter(([key]) => common.has(key)) ?? []} />
        </p>
      )}
      <SortableTable
        caption={`Series of ${name}`}
        rows={points}
        keyOf={({ labels }) => JSON.stringify(labels)}
        columns={columns}
        sortedBy={type === 'histogram' ? 'Count' : 'Value'}
        empty="No series."
      />
      {series > points.length && (
        <p class="empty">
          The largest {points.length} of {series} series.
        </p>
      )}
    </div>
  );
}

/** Labels that are the same on all of several series: they are said once. */
function commonLabels([first, ...others]: readonly PointNow[]): ReadonlySet<string> {
  if (first === undefined || others.length === 0) return new Set();
  const isCommon = ([key, value]: PointNow['labels'][number]): boolean =>
    others.every(({ labels }) => labels.some(([name, text]) => name === key && text === value));
  return new Set(first.labels.filter(isCommon).map(([key]) => key));
}

/** Those of the scope are quieter. */
function Labels({ labels }: { readonly labels: PointNow['labels'] }): JSX.Element {
  if (labels.length === 0) return <em>no labels</em>;
  return (
    <span class="labels">
      {labels.map(([key, value]) => (
        <span key={key} class={key.startsWith('otel_scope_') ? 'label quiet' : 'label'}>
          {key}=<b>{value}</b>
        </span>
      ))}
    </span>
  );
}

const MAX_TEXT = 60;

function labelText(labels: PointNow['labels']): string {
  const own = labels.filter(([key]) => !key.startsWith('otel_scope_'));
  const text = (own.length === 0 ? labels : own).map(([, value]) => value).join(' ');
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text === '' ? 'value' : text;
}
