import { diag } from '@opentelemetry/api';

import { warning } from '../warnings.js';

/** A listener that cannot hurt: an error thrown to a channel's publisher ends the process. One for all messages of a channel. */
export function guarded(
  consequence: string,
  listener: (message: unknown) => void,
): (message: unknown) => void {
  return (message) => {
    try {
      listener(message);
    } catch (error) {
      diag.error(...warning('ORCHESTRATOR_NOT_MEASURED', { what: consequence }), error);
    }
  };
}

/** The consequence when a listener for requests fails. */
export const NOT_MEASURED = 'a request is not measured';
