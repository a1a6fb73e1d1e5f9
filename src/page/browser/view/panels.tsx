import type { ComponentChildren, JSX } from 'preact';

import type { Now } from '../../protocol.js';
import { bytes, count, rate, seconds, share } from '../format.js';
import type { Rows } from '../rows.js';
import { Chart, type ChartProps, type Line } from './chart.jsx';
import { COLOURS } from './colours.js';

export interface PanelsProps {
  readonly rows: Rows;
  readonly now: Now;
  /** Seconds that are shown. */
  readonly span: number;
}

const [BLUE, ORANGE, GREEN, RED] = [0, 1, 2, 3];

/** What a person wants to know first, as curves with the newest number of each. */
export function Panels({ rows, now, span }: PanelsProps): JSX.Element {
  const { times } = rows;
  const { total, seconds: over } = now;
  const common = { times, span };
  const line = (label: string, column: string, colour: number, more: Partial<Line> = {}): Line => ({
    label,
    colour,
    values: rows.column(column),
    ...more,
  });
  const last = (column: string): number | null => rows.column(column).at(-1) ?? null;
  const measured = over > 0;
  return (
    <section class="panels" aria-label="Overview" id="overview">
      <Panel
        {...common}
        title="Requests"
        name="rate"
        value={measured ? rate(total.perSecond) : '–'}
        unit="/s"
        note={<>{count(total.requests)} counted ever</>}
        label={`Requests per second: ${rate(total.perSecond)}`}
        format={rate}
        least={1}
        lines={[line('per second', 'rate', BLUE, { isFilled: true })]}
      />
      <Panel
        {...common}
        title="Errors"
        name="errors"
        value={share(total.errorShare)}
        unit=""
        note={<>{count(total.failed)} failed ever</>}
        label={`Share of failed requests: ${share(total.errorShare)}`}
        format={share}
        least={0.01}
        lines={[line('failed', 'errors', RED, { isFilled: true })]}
      />
      <Panel
        {...common}
        title="Duration"
        name="duration"
        value={seconds(total.p95)}
        unit="p95"
        note={
          <>
            <Swatch colour={GREEN} /> p50 {seconds(total.p50)} <Swatch colour={BLUE} /> p95{' '}
            <Swatch colour={ORANGE} /> p99 {seconds(total.p99)}
          </>
        }
        label={`Duration: p50 ${seconds(total.p50)}, p95 ${seconds(total.p95)}, p99 ${seconds(total.p99)}`}
        format={seconds}
        least={0.001}
        lines={[
          line('p50', 'p50', GREEN, { dash: [2, 3] }),
          line('p95', 'p95', BLUE),
          line('p99', 'p99', ORANGE, { dash: [6, 3] }),
        ]}
      />
      <Panel
        {...common}
        title="Instances"
        name="instances"
        value={count(now.instances)}
        unit="alive"
        note={<>{count(now.series)} series</>}
        label={`Live instances: ${count(now.instances)}`}
        format={count}
        least={2}
        lines={[line('alive', 'instances', GREEN, { isFilled: true, isStepped: true })]}
      />
      <Panel
        {...common}
        title="Event loop delay"
        name="loop"
        value={seconds(last('loop'))}
        unit="worst p99"
        note="of the last minute, by instance"
        label={`Event loop delay, worst: ${seconds(last('loop'))}`}
        format={seconds}
        least={0.001}
        lines={linesOf(rows, now, 'loop')}
      />
      <Panel
        {...common}
        title="Memory"
        name="memory"
        value={bytes(last('memory'))}
        unit="in all"
        note="resident, by instance"
        label={`Resident memory in all: ${bytes(last('memory'))}`}
        format={bytes}
        least={1024 * 1024}
        isBytes
        lines={linesOf(rows, now, 'memory')}
      />
      <Panel
        {...common}
        title="Processors"
        name="cpu"
        value={rate(last('cpu'))}
        unit="used"
        note="share of its host, by instance"
        label={`Processors used: ${rate(last('cpu'))}`}
        format={share}
        least={0.05}
        lines={linesOf(rows, now, 'cpu')}
      />
      <Panel
        {...common}
        title={now.hosts.length > 1 ? 'Hosts' : 'Host'}
        name="host"
        value={share(now.hosts[0]?.cpu)}
        unit="CPU"
        note={
          <>
            <Swatch colour={BLUE} /> CPU <Swatch colour={ORANGE} /> memory {share(hostMemory(now))}
          </>
        }
        label={`Host: CPU ${share(now.hosts[0]?.cpu)}, memory ${share(hostMemory(now))}`}
        format={share}
        least={0.1}
        lines={now.hosts
          .slice(0, 6)
          .flatMap(({ name }) => [
            line(`CPU ${name}`, `host cpu ${name}`, BLUE),
            line(`memory ${name}`, `host memory ${name}`, ORANGE, { dash: [6, 3] }),
          ])}
      />
    </section>
  );
}

function hostMemory({ hosts: [host] }: Now): number | null {
  return host === undefined || host.memoryUsed === null || host.memoryTotal === null
    ? null
    : host.memoryUsed / host.memoryTotal;
}

/** One curve for each process: also for those that ended while somebody looked. */
function linesOf(rows: Rows, now: Now, what: 'loop' | 'memory' | 'cpu'): Line[] {
  return now.processes
    .filter(({ column }) => column !== null)
    .map(({ id, pid }, index) => ({
      label: pid === '' ? id.slice(0, 8) : `pid ${pid}`,
      colour: index % COLOURS,
      values: rows.column(`${what} ${id}`),
    }));
}

interface PanelProps extends ChartProps {
  readonly title: string;
  readonly name: string;
  readonly value: string;
  readonly unit: string;
  readonly note: ComponentChildren;
}

/** The newest number, and its curves. */
function Panel({ title, name, value, unit, note, ...chart }: PanelProps): JSX.Element {
  return (
    <article class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p class="number">
          <b data-number={name}>{value}</b> <small>{unit}</small>
        </p>
      </header>
      <Chart {...chart} />
      <p class="note">{note}</p>
    </article>
  );
}

function Swatch({ colour }: { readonly colour: number }): JSX.Element {
  return <i class={`swatch c${colour}`} aria-hidden="true" />;
}
