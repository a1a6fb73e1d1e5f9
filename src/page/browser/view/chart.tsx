import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import uPlot from 'uplot';

import { clock } from '../format.js';
import { colourOf, inkOf, useScheme } from './colours.js';

export interface Line {
  readonly label: string;
  readonly values: ReadonlyArray<number | null>;
  /** A number of the palette. */
  readonly colour: number;
  readonly dash?: readonly number[];
  readonly isFilled?: boolean;
  readonly isStepped?: boolean;
}

export interface ChartProps {
  /** What it shows, for who cannot see it. */
  readonly label: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number | null) => string;
  /** Seconds that are shown. */
  readonly span: number;
  /** The least that the top of the axis is; 0: there is no such thing. */
  readonly least: number;
  /** Steps of the axis are those of bytes. */
  readonly isBytes?: boolean;
}

/** Where the pointer is: a row, and the side on which the box of values is out of its way. */
interface Pointed {
  readonly row: number;
  readonly isLeft: boolean;
}

const HEIGHT = 132;
const BYTES = Array.from({ length: 50 }, (_, power) => 2 ** power);
const MIN_SPAN = 60;
/** In the box at the pointer; the largest. */
const MAX_TOLD = 12;

/** Curves over time. It is drawn anew when there is something new, and never taken out of the page. */
export function Chart(props: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot>(undefined);
  const newest = useRef(props);
  newest.current = props;
  const [told, setTold] = useState<Pointed>();
  const scheme = useScheme();
  const shape = JSON.stringify(
    props.lines.map(({ label, colour, dash, isFilled }) => [label, colour, dash, isFilled]),
  );

  useEffect(() => {
    const target = place.current;
    if (target === null) return undefined;
    const chart = new uPlot(optionsOf(target.clientWidth, newest, setTold), dataOf(newest.current), target);
    drawn.current = chart;
    const fit = new ResizeObserver(() => chart.setSize({ width: target.clientWidth, height: HEIGHT }));
    fit.observe(target);
    return () => {
      fit.disconnect();
      chart.destroy();
      drawn.current = undefined;
    };
  }, [shape, scheme]);

  useEffect(() => {
    drawn.current?.setData(dataOf(props));
    // Not when the pointer has moved: that tells of the pointer, and so on for ever.
  }, [props]);

  return (
    <div class="chart" role="img" aria-label={props.label}>
      <div ref={place} class="plot" style={{ height: `${HEIGHT}px` }} />
      {told !== undefined && <Told {...props} {...told} />}
    </div>
  );
}

/** The values at the pointer. */
function Told({ times, lines, format, row, isLeft }: ChartProps & Pointed): JSX.Element | null {
  const time = times[row];
  if (time === undefined) return null;
  const values = lines
    .map((line) => ({ ...line, value: line.values[row] ?? null }))
    .filter(({ value }) => value !== null);
  const shown =
    values.length > MAX_TOLD ? values.toSorted((a, b) => (b.value ?? 0) - (a.value ?? 0)) : values;
  return (
    <div class={isLeft ? 'told left' : 'told right'}>
      <b>{clock(time)}</b>
      {shown.slice(0, MAX_TOLD).map(({ label, colour, value }) => (
        <span key={label}>
          <i class={`swatch c${colour}`} />
          {label} {format(value)}
        </span>
      ))}
      {values.length > MAX_TOLD && <span>and {values.length - MAX_TOLD} more</span>}
    </div>
  );
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  const all = times.length === 0 ? [Date.now() / 1000] : (times as number[]);
  return [
    all,
    ...lines.map(({ values }) => (times.length === 0 ? [null] : (values as Array<number | null>))),
  ];
}

function optionsOf(
  width: number,
  newest: { readonly current: ChartProps },
  tell: (next: (before: Pointed | undefined) => Pointed | undefined) => void,
): uPlot.Options {
  const ink = inkOf();
  const axis = { stroke: ink.text, font: '11px system-ui, sans-serif', ticks: { show: false } } as const;
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: 'live' } },
    scales: {
      x: { time: true, range: (_chart, _min, max) => [max - spanOf(newest.current), max] },
      y: { range: () => heightOf(newest.current) },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 64, values: (_chart, times) => times.map(minuteOf) },
      {
        ...axis,
        grid: { stroke: ink.grid, width: 1 },
        size: 62,
        space: 30,
        ...(newest.current.isBytes === true && { incrs: BYTES }),
        values: (_chart, values) => values.map((value) => newest.current.format(value)),
      },
    ],
    series: [{}, ...newest.current.lines.map((line) => seriesOf(line))],
    hooks: {
      setCursor: [
        (chart) => {
          const { idx, left = -1 } = chart.cursor;
          const isOut = idx === null || idx === undefined || left < 0;
          const next = isOut ? undefined : { row: idx, isLeft: left > chart.over.clientWidth / 2 };
          tell((before) => (before?.row === next?.row && before?.isLeft === next?.isLeft ? before : next));
        },
      ],
    },
  };
}

function seriesOf({ label, colour, dash, isFilled, isStepped }: Line): uPlot.Series {
  const stroke = colourOf(colour);
  const stepped = isStepped === true ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    ...(isFilled === true && { fill: `${stroke}26` }),
    ...(dash !== undefined && { dash: [...dash] }),
    ...(stepped !== undefined && { paths: stepped }),
  };
}

/** A page that was just opened shows a minute, so that its curves are seen to move. */
function spanOf({ times, span }: Pick<ChartProps, 'times' | 'span'>): number {
  const there = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return Math.min(span, Math.max(MIN_SPAN, there));
}

/** Of what is in sight, with some air above; zero is always there. */
function heightOf({ lines, times, least, span }: ChartProps): [bottom: number, top: number] {
  const since = (times.at(-1) ?? 0) - spanOf({ times, span });
  const first = Math.max(
    0,
    times.findIndex((time) => time >= since),
  );
  let [bottom, top] = [0, 0];
  for (const { values } of lines)
    for (let row = first; row < values.length; row += 1) {
      top = Math.max(top, values[row] ?? 0);
      bottom = Math.min(bottom, values[row] ?? 0);
    }
  if (top === 0 && bottom === 0) return [0, least === 0 ? 1 : least];
  return [bottom * 1.1, top > 0 ? Math.max(least, top * 1.1) : 0];
}

function minuteOf(time: number): string {
  const text = clock(time);
  return text.endsWith(':00') ? text.slice(0, 5) : text;
}
