'use strict';

const { once } = require('node:events');
const { createServer } = require('node:net');

/** Who listens on a port of this host, in words; undefined if nobody does. */
exports.portOwner = async (port) => {
  // On both, since a program that listens on all addresses lets others have 127.0.0.1 on some systems.
  if ((await isFree(port, '127.0.0.1')) && (await isFree(port, undefined))) return undefined;
  const project = await projectAt(port);
  return project === null ? 'another program' : `the project "${project}" of @org/orchestrator`;
};

/** The prefix of the project that answers at a port; null if none does. */
async function projectAt(port) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2000),
    });
    await response.body?.cancel();
    return response.headers.get('x-orchestrator-project');
  } catch {
    return null;
  }
}

async function isFree(port, host) {
  const server = createServer();
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

exports.projectAt = projectAt;
