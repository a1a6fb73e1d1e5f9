import { useState } from 'preact/hooks';
import type { JSX } from 'preact';

import { saveToken } from '../ask.js';

export interface TokenFormProps {
  /** The one that was tried last does not do. */
  readonly wasRefused: boolean;
  /** A name and a password do as well. */
  readonly takesUsers: boolean;
  readonly given: () => void;
}

/** Asks for the token of ORCHESTRATOR_METRICS_TOKEN, for this tab alone. */
export function TokenForm({ wasRefused, takesUsers, given }: TokenFormProps): JSX.Element {
  const [token, setToken] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() === '') return;
    saveToken(token.trim());
    given();
  };
  return (
    <main class="token">
      <form onSubmit={submit}>
        <h1>Metrics</h1>
        <p>A token is needed here: the one that Prometheus sends. This tab keeps it until it is closed.</p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          aria-invalid={wasRefused}
          aria-describedby={wasRefused ? 'refused' : undefined}
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
        {wasRefused && (
          <p id="refused" class="bad" role="alert">
            That is not the token.
          </p>
        )}
        <button type="submit">Show the metrics</button>
        {takesUsers && (
          <p>
            <a href={`?${signInQuery()}`}>Sign in with a name and a password instead</a>
          </p>
        )}
      </form>
    </main>
  );
}

function signInQuery(): string {
  const query = new URLSearchParams(location.search);
  query.set('sign-in', '');
  return query.toString();
}
