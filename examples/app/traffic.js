'use strict';
// Visitors, until it is stopped: `node traffic.js http://127.0.0.1:3000 [requests per second] [faults: 1 in …]`

const { setTimeout: sleep } = require('node:timers/promises');

const [, , target = 'http://127.0.0.1:3000', perSecond = '20', faultEvery = '40'] = process.argv;

const VISITS = [
  ['GET', '/'],
  ['GET', '/products'],
  ['GET', '/products/1'],
  ['GET', '/products/2'],
  ['GET', '/products/3'],
  ['GET', '/products/99'],
  ['GET', '/search?q=a'],
  ['GET', '/recommendations'],
  ['POST', '/orders', { product: 1 }],
  ['POST', '/orders', { product: 4 }],
  ['GET', '/wp-login.php'],
];
/** What the product of bad luck brings: an error of the service, and a job that fails. */
const FAULTS = [
  ['GET', '/products/13'],
  ['POST', '/orders', { product: 13 }],
];

async function visit([method, path, body]) {
  try {
    const answer = await fetch(`${target}${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
      signal: AbortSignal.timeout(10_000),
    });
    await answer.arrayBuffer();
  } catch {
    // The shop is being started or stopped.
  }
}

async function main() {
  for (let number = 1; ; number++) {
    const visits = number % Number(faultEvery) === 0 ? FAULTS : VISITS;
    void visit(visits[Math.floor(Math.random() * visits.length)]);
    await sleep(1000 / Number(perSecond));
  }
}

void main();
