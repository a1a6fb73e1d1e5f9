import type { JSX } from 'preact';

import type { LiveAnswer } from '../../protocol.js';
import { age } from '../format.js';

export const SPANS: Readonly<Record<string, number>> = { '1 min': 60, '5 min': 300, '15 min': 900 };

export interface HeaderProps {
  readonly answer: LiveAnswer | undefined;
  /** Why there are no new numbers; undefined if all is well. */
  readonly trouble: string | undefined;
  /** Unix milliseconds of the newest numbers. */
  readonly newestMs: number | undefined;
  readonly isPaused: boolean;
  readonly pause: (isPaused: boolean) => void;
  readonly span: number;
  readonly setSpan: (span: number) => void;
  readonly isOfMany: boolean;
}

/** Which project, whether it is live, and what is shown of it. */
export function Header(props: HeaderProps): JSX.Element {
  const { answer, trouble, newestMs, isPaused, pause, span, setSpan, isOfMany } = props;
  const over = answer?.now?.seconds ?? 0;
  const state = trouble !== undefined ? 'trouble' : isPaused ? 'paused' : 'live';
  return (
    <header class="top">
      <div class="who">
        {isOfMany && <a href="?">All projects</a>}
        <h1>{answer?.project ?? 'Metrics'}</h1>
        <p>
          {answer !== undefined && <>{answer.store} · </>}
          {over > 0 ? `rates and percentiles over ${Math.round(over)} s` : 'the first look'}
        </p>
      </div>
      <nav aria-label="Sections">
        {['routes', 'instances', 'hosts', 'health', 'metrics'].map((id) => (
          <a key={id} href={`#${id}`} onClick={(event) => goTo(event, id)}>
            {id}
          </a>
        ))}
      </nav>
      <fieldset class="spans">
        <legend class="hidden">Time that is shown</legend>
        {Object.entries(SPANS).map(([title, value]) => (
          <label key={title} class={value === span ? 'on' : undefined}>
            <input type="radio" name="span" checked={value === span} onChange={() => setSpan(value)} />
            {title}
          </label>
        ))}
      </fieldset>
      <button type="button" class="pause" aria-pressed={isPaused} onClick={() => pause(!isPaused)}>
        {isPaused ? 'Go on' : 'Pause'}
      </button>
      <p class={`state ${state}`} data-state={state} role="status" aria-live="polite">
        <i aria-hidden="true" />
        {state === 'trouble'
          ? `Not live: ${trouble}${newestMs === undefined ? '' : ` Numbers of ${age(Date.now() - newestMs)} ago.`}`
          : state}
      </p>
    </header>
  );
}

/** Without a change of the address, which names the metric that is explored. */
function goTo(event: Event, id: string): void {
  event.preventDefault();
  const section = document.getElementById(id);
  section?.scrollIntoView({
    behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
  });
  section?.querySelector<HTMLElement>('input, button, a, [tabindex]')?.focus({ preventScroll: true });
}
