import type { JSX } from 'preact';

import type { CheckNow, HostNow } from '../../protocol.js';
import { bytes, share } from '../format.js';

/** The machines on which the processes are. */
export function Hosts({ hosts }: { readonly hosts: readonly HostNow[] }): JSX.Element {
  return (
    <section class="card" id="hosts" aria-labelledby="hosts-title">
      <header>
        <h2 id="hosts-title">{hosts.length > 1 ? 'Hosts' : 'Host'}</h2>
      </header>
      {hosts.length === 0 && <p class="empty">No process measures its host yet.</p>}
      {hosts.map((host) => (
        <dl class="facts" key={host.name}>
          <dt class="whole">{host.name}</dt>
          <Meter title="CPU" part={host.cpu} said={share(host.cpu)} />
          <Meter
            title="Memory"
            part={partOf(host.memoryUsed, host.memoryTotal)}
            said={`${bytes(host.memoryUsed)} of ${bytes(host.memoryTotal)}`}
          />
          <Meter
            title="Disk"
            part={partOf(host.diskUsed, host.diskTotal)}
            said={`${bytes(host.diskUsed)} of ${bytes(host.diskTotal)}`}
          />
          <dt>Network</dt>
          <dd>
            in {bytes(host.received)}/s, out {bytes(host.sent)}/s
          </dd>
        </dl>
      ))}
    </section>
  );
}

function partOf(used: number | null, total: number | null): number | null {
  return used === null || total === null || total === 0 ? null : used / total;
}

function Meter({
  title,
  part,
  said,
}: {
  readonly title: string;
  readonly part: number | null;
  readonly said: string;
}): JSX.Element {
  return (
    <>
      <dt>{title}</dt>
      <dd>
        <meter
          min={0}
          max={1}
          low={0.8}
          high={0.9}
          optimum={0}
          value={part ?? 0}
          aria-label={`${title}: ${said}`}
        />
        {said}
      </dd>
    </>
  );
}

/** The health checks that the application has registered. */
export function Checks({ checks }: { readonly checks: readonly CheckNow[] }): JSX.Element {
  return (
    <section class="card" id="health" aria-labelledby="health-title">
      <header>
        <h2 id="health-title">Health checks</h2>
      </header>
      {checks.length === 0 && (
        <p class="empty">
          The application registers none. With <code>registerHealthCheck(name, check)</code> they stand here.
        </p>
      )}
      <ul class="checks">
        {checks.map(({ name, critical, up, down }) => (
          <li key={name} class={down === 0 ? 'up' : critical ? 'down' : 'degraded'}>
            <b>{name}</b>
            <span>{down === 0 ? `up in ${up}` : `down in ${down} of ${up + down}`}</span>
            {!critical && <small>not critical</small>}
          </li>
        ))}
      </ul>
    </section>
  );
}
