import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { forgetToken, savedToken } from './ask.js';
import { Project } from './view/project.jsx';
import { Projects } from './view/projects.jsx';
import { TokenForm } from './view/token-form.jsx';

const { ofMany, needsToken, takesUsers } = document.documentElement.dataset;

function App(): JSX.Element {
  const [isAsking, setAsking] = useState(needsToken === 'true' && savedToken() === undefined);
  const [wasRefused, setRefused] = useState(false);
  const tokenNeeded = (): void => {
    setRefused(savedToken() !== undefined);
    forgetToken();
    setAsking(true);
  };
  if (isAsking)
    return (
      <TokenForm wasRefused={wasRefused} takesUsers={takesUsers === 'true'} given={() => setAsking(false)} />
    );
  const project = new URLSearchParams(location.search).get('project');
  if (ofMany === 'true' && project === null) return <Projects tokenNeeded={tokenNeeded} />;
  const query = project === null ? '' : new URLSearchParams({ project }).toString();
  return <Project query={query} isOfMany={ofMany === 'true'} tokenNeeded={tokenNeeded} />;
}

const place = document.getElementById('page');
if (place !== null) render(<App />, place);
