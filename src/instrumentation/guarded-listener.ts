import { diag } from '@opentelemetry/api';

/** A listener that cannot hurt: an error thrown to a channel's publisher ends the process. One for all messages of a channel. */
export function guarded(
  consequence: string,
  listener: (message: unknown) => void,
): (message: unknown) => void {
  return (message) => {
    try {
      listener(message);
    } catch (error) {
      diag.error(`orchestrator: ${consequence}`, error);
    }
  };
}

/** The consequence when a listener for requests fails. */
export const NOT_MEASURED = 'a request is not measured';
