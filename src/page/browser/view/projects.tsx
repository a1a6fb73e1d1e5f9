import { useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { PROJECTS, type ProjectsAnswer } from '../../protocol.js';
import type { Reply } from '../ask.js';
import { useAnswers } from '../use-answers.js';

const EVERY_MS = 10_000;

/** The projects of `orchestrator serve`, to choose from. */
export function Projects({ tokenNeeded }: { readonly tokenNeeded: () => void }): JSX.Element {
  const [answer, setAnswer] = useState<ProjectsAnswer>();
  const [failure, setFailure] = useState<string>();
  const take = (reply: Reply<ProjectsAnswer>): number => {
    if (reply.kind === 'token needed') tokenNeeded();
    if (reply.kind === 'answer') setAnswer(reply.value);
    setFailure(reply.kind === 'failed' ? reply.why : undefined);
    return EVERY_MS;
  };
  useAnswers<ProjectsAnswer>({ path: () => PROJECTS, take, isOn: true }, []);
  const projects = answer?.projects ?? [];
  return (
    <main class="projects">
      <h1>Projects</h1>
      {failure !== undefined && (
        <p class="bad" role="alert">
          {failure}
        </p>
      )}
      {answer !== undefined && projects.length === 0 && (
        <p class="empty">There is no project in {answer.store}.</p>
      )}
      <ul>
        {projects.map(({ prefix, project }) => (
          <li key={prefix}>
            <a href={`?${new URLSearchParams({ project: prefix }).toString()}`}>{project}</a>
          </li>
        ))}
      </ul>
      {answer !== undefined && (
        <footer>
          {answer.store} · @org/orchestrator {answer.version}
        </footer>
      )}
    </main>
  );
}
