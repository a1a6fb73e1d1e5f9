'use strict';

const PATHS = [
  '/',
  '/',
  '/',
  '/users/1',
  '/users/2',
  '/users/3',
  '/slow',
  '/checkout',
  '/nothing-here',
  '/wp-login.php',
];

/** Requests of one round. */
exports.ROUND_REQUESTS = PATHS.length;

/** Sends one round; answers how many of its requests were answered. */
exports.sendRound = async (port) => {
  const answers = await Promise.all(PATHS.map((path) => send(`http://127.0.0.1:${port}${path}`)));
  return answers.filter(Boolean).length;
};

async function send(url) {
  try {
    // Without keep-alive every request is a connection of its own, so that all workers get their share.
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return true;
  } catch {
    // The application is being stopped.
    return false;
  }
}
