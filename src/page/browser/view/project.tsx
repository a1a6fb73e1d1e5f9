import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { LIVE, type LiveAnswer } from '../../protocol.js';
import type { Reply } from '../ask.js';
import { Rows } from '../rows.js';
import { useAnswers } from '../use-answers.js';
import { Explorer } from './explorer.jsx';
import { Header } from './header.jsx';
import { Checks, Hosts } from './hosts.jsx';
import { Panels } from './panels.jsx';
import { Processes } from './processes.jsx';
import { Routes } from './routes.jsx';

export interface ProjectProps {
  /** `project=shop`, or nothing. */
  readonly query: string;
  readonly isOfMany: boolean;
  /** The server wants a token, or another one. */
  readonly tokenNeeded: () => void;
}

/** Before the server has said how often. */
const EVERY_MS = 3000;

/** One project, live. */
export function Project({ query, isOfMany, tokenNeeded }: ProjectProps): JSX.Element {
  const rows = useRef(new Rows());
  const [answer, setAnswer] = useState<LiveAnswer>();
  const [failure, setFailure] = useState<string>();
  const [isPaused, pause] = useState(false);
  const [span, setSpan] = useState(900);

  const everyMs = useRef(EVERY_MS);
  const path = (): string => {
    const { history, last } = rows.current;
    return `${LIVE}?${query}&history=${history}&after=${last}`;
  };
  const take = (reply: Reply<LiveAnswer>): number => {
    if (reply.kind === 'token needed') tokenNeeded();
    if (reply.kind === 'answer') {
      everyMs.current = reply.value.everyMs;
      rows.current.add(reply.value);
      setAnswer(reply.value);
    }
    setFailure(reply.kind === 'failed' ? reply.why : undefined);
    return everyMs.current;
  };
  useAnswers<LiveAnswer>({ path, take, isOn: !isPaused }, [query]);

  useEffect(() => {
    if (answer !== undefined) document.title = `${answer.project}: metrics`;
  }, [answer?.project]);

  const now = answer?.now ?? undefined;
  const newest = rows.current.times.at(-1);
  return (
    <>
      <Header
        answer={answer}
        trouble={failure ?? answer?.trouble ?? undefined}
        newestMs={newest === undefined ? undefined : newest * 1000}
        isPaused={isPaused}
        pause={pause}
        span={span}
        setSpan={setSpan}
        isOfMany={isOfMany}
      />
      <main>
        {now === undefined ? (
          <p class="empty">{failure ?? answer?.trouble ?? 'Reading the store.'}</p>
        ) : (
          <>
            <Panels rows={rows.current} now={now} span={span} />
            <Routes rows={rows.current} now={now} />
            <Processes rows={rows.current} now={now} />
            <div class="two">
              <Hosts hosts={now.hosts} />
              <Checks checks={now.checks} />
            </div>
            <Explorer query={query} everyMs={answer?.everyMs ?? EVERY_MS} isPaused={isPaused} span={span} />
          </>
        )}
      </main>
      <footer>
        @org/orchestrator {answer?.version}. The same numbers for Prometheus, and more pages:{' '}
        <code>curl</code> this address.
      </footer>
    </>
  );
}
