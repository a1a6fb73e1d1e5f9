let sending = false;

/** Sends a Redis command of this package: what the driver publishes meanwhile is not the application's. */
export function sendOwnCommand<T>(send: () => T): T {
  const outer = sending;
  sending = true;
  try {
    return send();
  } finally {
    sending = outer;
  }
}

/** Whether the command that is being published right now is one of this package. */
export function isOwnCommand(): boolean {
  return sending;
}
