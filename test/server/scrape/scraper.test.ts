import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import {
  Agent,
  createServer,
  get,
  request,
  type RequestListener,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer, get as getHttps } from 'node:https';
import { createRequire } from 'node:module';
import { type AddressInfo, type Server, connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

import { collectBody } from '../../../src/prometheus/exposition.js';
import { Scraper, type ScraperOptions } from '../../../src/server/scrape/scraper.js';
import type { Snapshot, SnapshotSeries } from '../../../src/model/snapshot.js';
import { makeCertificates } from '../../helpers/certificates.js';
import { eventually } from '../../helpers/eventually.js';
import type { Owner } from '../../helpers/owner.js';
import { ask, open, read } from '../../helpers/raw-request.js';
import { scratchDir } from '../../helpers/scratch.js';
import { exposition } from '../../prometheus/render.js';
import { counter, series } from '../../contract/bed.js';

interface ExpressApp extends RequestListener {
  use(handler: unknown): void;
  get(path: string, handler: RequestListener): void;
}
const load = createRequire(__filename);
/** These packages have no types of their own. */
const express = load('express') as () => ExpressApp;
const compression = load('compression') as () => unknown;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const FILLING = 'x'.repeat(200);

/** Some 800 kB of text, which no buffer on the way takes at once. */
const SERIES = 3000;

/** `visit` is told when the value of a series is rendered. */
function snapshotOf(
  count: number = SERIES,
  visit: (index: number) => void = () => undefined,
  filling: () => string = () => FILLING,
): Snapshot {
  const members = Array.from({ length: count }, (_, index): SnapshotSeries => ({
    series: series({ id: `${index} ${filling()}` }),
    startMs: 1000,
    // Every value is a line of its own.
    values: {
      length: 1,
      get 0() {
        visit(index);
        return index;
      },
    },
  }));
  return { resource: [], instances: 1, families: [{ family: counter('c'), series: members }] };
}

async function textOf(snapshot: Snapshot): Promise<Buffer> {
  return collectBody(exposition().render(snapshot, undefined).body);
}

const scraperOf = (reading: () => Promise<Snapshot>, options: ScraperOptions = {}): Scraper =>
  new Scraper(reading, exposition(), options);

async function listen(owner: Owner, listener: RequestListener): Promise<number> {
  return listenWith(owner, createServer(listener));
}

/** A server that hands every request to the scraper; what became of each. */
async function serve(
  owner: Owner,
  scraper: Scraper,
  also: (response: ServerResponse) => void = () => undefined,
): Promise<{ port: number; served: Array<Promise<void>> }> {
  const served: Array<Promise<void>> = [];
  const port = await listen(owner, (incoming, response) => {
    served.push(scraper.serve(incoming, response));
    also(response);
  });
  return { port, served };
}

async function listenWith(owner: Owner, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.close();
    if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  deflate: inflateSync,
};

describe('the whole exposition arrives', () => {
  const snapshot = snapshotOf();

  for (const encoding of ['', 'gzip', 'br', 'deflate', 'identity']) {
    test(`behind middleware that compresses, for who accepts ${encoding || 'nothing'}`, async (t) => {
      const scraper = scraperOf(async () => snapshot);
      const app = express();
      app.use(compression());
      app.get('/metrics', (incoming, response) => void scraper.serve(incoming, response));
      const port = await listen(t, app);
      const headers = encoding === '' ? undefined : { 'Accept-Encoding': encoding };
      const answer = await ask(port, { ...(headers && { headers }) });
      assert.equal(answer.status, 200);
      const decode = DECODERS[answer.headers['content-encoding'] ?? ''];
      assert.deepEqual(decode?.(answer.body) ?? answer.body, await textOf(snapshot));
      assert.equal((await ask(port, { method: 'HEAD', ...(headers && { headers }) })).body.length, 0);
    });
  }

  test('behind middleware that keeps what is written until the end', async (t) => {
    const scraper = scraperOf(async () => snapshot);
    const port = await listen(t, (incoming, response) => {
      const kept: Buffer[] = [];
      const end = response.end.bind(response);
      response.write = (piece: Buffer) => kept.push(piece) > 0;
      response.end = () => end(Buffer.concat(kept));
      void scraper.serve(incoming, response);
    });
    for (const encoding of ['identity', 'gzip']) {
      const { body } = await ask(port, { headers: { 'Accept-Encoding': encoding } });
      assert.deepEqual(encoding === 'gzip' ? gunzipSync(body) : body, await textOf(snapshot));
    }
  });

  test('behind middleware whose `write()` returns nothing', async (t) => {
    const scraper = scraperOf(async () => snapshot);
    const port = await listen(t, (incoming, response) => {
      const write = response.write.bind(response);
      Reflect.set(response, 'write', (piece: Buffer) => void write(piece));
      void scraper.serve(incoming, response);
    });
    const { body } = await ask(port);
    assert.deepEqual(body, await textOf(snapshot));
  });

  test('over TLS, where the pieces are encrypted later', async (t) => {
    const certificates = await makeCertificates(scratchDir(t, 'tls'));
    const ca = await readFile(certificates.ca);
    const scraper = scraperOf(async () => snapshot);
    const server = createHttpsServer(
      { cert: await readFile(certificates.serverCert), key: await readFile(certificates.serverKey) },
      (incoming, response) => void scraper.serve(incoming, response),
    );
    const port = await listenWith(t, server);
    for (const encoding of ['identity', 'gzip']) {
      const outgoing = getHttps({
        port,
        host: '127.0.0.1',
        ca,
        agent: false,
        headers: { 'Accept-Encoding': encoding },
      });
      const [response] = await once(outgoing, 'response');
      const body = await read(response);
      assert.deepEqual(encoding === 'gzip' ? gunzipSync(body) : body, await textOf(snapshot));
    }
  });

  test('over HTTP/2', async (t) => {
    const scraper = scraperOf(async () => snapshot);
    const handler = scraper.serve.bind(scraper) as (...args: readonly unknown[]) => void;
    const port = await listenWith(t, createHttp2Server(handler));
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    for (const encoding of ['identity', 'gzip']) {
      const stream = session.request({ ':path': '/metrics', 'accept-encoding': encoding });
      const pieces: Buffer[] = [];
      for await (const piece of stream) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces);
      assert.deepEqual(encoding === 'gzip' ? gunzipSync(body) : body, await textOf(snapshot));
    }
  });

  test('for requests that are pipelined on one connection', async (t) => {
    const scraper = scraperOf(async () => snapshot);
    const { port } = await serve(t, scraper);
    const socket = connect(port, '127.0.0.1');
    const one = 'GET /metrics HTTP/1.1\r\nHost: a\r\n';
    socket.write(`${one}\r\n${one}\r\n${one}Connection: close\r\n\r\n`);
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece as Buffer);
    const raw = Buffer.concat(pieces).toString();
    const bodies = raw.split('HTTP/1.1 200 OK\r\n').slice(1).map(unchunked);
    const text = (await textOf(snapshot)).toString();
    assert.deepEqual(bodies, [text, text, text]);
  });

  test('for who keeps the pieces, whatever is scraped meanwhile', async (t) => {
    const scraper = scraperOf(async () => snapshot);
    const { port } = await serve(t, scraper);
    const { body } = await scraper.collect(undefined);
    const pieces: Buffer[] = [];
    for await (const piece of body) {
      pieces.push(piece);
      await ask(port, { headers: { 'Accept-Encoding': 'gzip' } });
    }
    assert.ok(pieces.length > 5);
    assert.deepEqual(Buffer.concat(pieces), await textOf(snapshot));
  });
});

/** The body of a chunked answer without anything after it. */
function unchunked(answer: string): string {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (;;) {
    const end = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.slice(0, end), 16);
    if (length === 0) return body;
    body += rest.slice(end + 2, end + 2 + length);
    rest = rest.slice(end + 2 + length + 2);
  }
}

describe('a response that somebody else uses', () => {
  for (const outcome of ['was read', 'failed']) {
    test(`while the store ${outcome} is left as it is, and so is its connection`, async (t) => {
      const gate = new EventEmitter();
      const scraper = scraperOf(async () => {
        await once(gate, 'open');
        if (outcome === 'failed') throw new Error('gone');
        return snapshotOf(1);
      });
      const begun: ServerResponse[] = [];
      const connections = new Set<unknown>();
      const { port, served } = await serve(t, scraper, (response) => {
        connections.add(response.socket);
        begun.push(response);
        response.writeHead(504).write('too ');
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      for (let round = 0; round < 2; round += 1) {
        const [response] = await once(get({ port, host: '127.0.0.1', agent }), 'response');
        gate.emit('open');
        await Promise.all(served);
        begun[round]?.end('late');
        assert.equal((await read(response)).toString(), 'too late');
      }
      assert.equal(connections.size, 1);
    });
  }

  for (const encoding of ['identity', 'gzip']) {
    test(`and ends in the middle of the body (${encoding}) costs that answer only`, async (t) => {
      let end: () => void = () => assert.fail('no response');
      const scraper = scraperOf(async () => snapshotOf(SERIES, (index) => index === 2000 && end()));
      let interrupted = false;
      const { port, served } = await serve(t, scraper, (response) => {
        end = () => {
          if (!interrupted) response.end();
          interrupted = true;
        };
      });
      const options = { headers: { 'Accept-Encoding': encoding } };
      await ask(port, options).catch(() => undefined);
      await Promise.all(served);
      assert.equal(interrupted, true);
      const { body } = await ask(port, options);
      assert.deepEqual(encoding === 'gzip' ? gunzipSync(body) : body, await textOf(snapshotOf()));
    });
  }
});

describe('a rendering that fails half way', () => {
  for (const encoding of ['identity', 'gzip']) {
    test(`breaks the connection (${encoding}), and the next scrape is whole`, async (t) => {
      let broken = true;
      const warnings: string[] = [];
      const failing = (index: number): void => {
        if (broken && index === 2000) throw new Error('a value that cannot be read');
      };
      const scraper = new Scraper(
        async () => snapshotOf(SERIES, failing),
        exposition({ warn: (message) => warnings.push(message) }),
      );
      const { port } = await serve(t, scraper);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      const scrape = async (): Promise<Buffer> => {
        const outgoing = get({ port, host: '127.0.0.1', agent, headers: { 'Accept-Encoding': encoding } });
        const [response] = await once(outgoing, 'response');
        return read(response);
      };
      await assert.rejects(scrape(), /aborted/);
      await assert.rejects(scrape(), /aborted/);
      broken = false;
      const body = await scrape();
      assert.deepEqual(encoding === 'gzip' ? gunzipSync(body) : body, await textOf(snapshotOf()));
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /a value that cannot be read/);
    });
  }
});

describe('a scraper that leaves', () => {
  test('while the store is read costs no rendering', async (t) => {
    const gate = new EventEmitter();
    let reads = 0;
    let rendered = 0;
    const scraper = scraperOf(async () => {
      reads += 1;
      await once(gate, 'open');
      return snapshotOf(SERIES, () => (rendered += 1));
    });
    let gone = false;
    const { port, served } = await serve(t, scraper, (response) => {
      response.once('close', () => (gone = true));
    });
    for (const encoding of ['identity', 'gzip']) {
      gone = false;
      const outgoing = request({
        port,
        host: '127.0.0.1',
        agent: false,
        headers: { 'Accept-Encoding': encoding },
      });
      outgoing.on('error', () => undefined);
      outgoing.end();
      const before = reads;
      await eventually(() => assert.equal(reads, before + 1));
      outgoing.destroy();
      await eventually(() => assert.ok(gone));
      gate.emit('open');
      await Promise.all(served);
      assert.equal(rendered, 0);
    }
  });

  for (const encoding of ['identity', 'gzip']) {
    test(`in the middle of the body ends the rendering (${encoding})`, async (t) => {
      let rendered = 0;
      const count = 60_000;
      const scraper = scraperOf(async () => snapshotOf(count, () => (rendered += 1)));
      const { port, served } = await serve(t, scraper);
      const response = await open(port, { headers: { 'Accept-Encoding': encoding } });
      await once(response, 'readable');
      response.destroy();
      await Promise.all(served);
      // What is compressed goes on until the next piece of the compressed body, which is all of a small one.
      await eventually(async () => {
        const before = rendered;
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
        assert.equal(rendered, before);
      });
      assert.ok(rendered < count, `${rendered} were rendered`);
    });
  }

  test('before the request came to us costs nothing', async (t) => {
    let reads = 0;
    const scraper = scraperOf(async () => {
      reads += 1;
      return snapshotOf();
    });
    const served = new Promise<void>((resolve, reject) => {
      void listen(t, (incoming, response) => {
        response.once('close', () => void scraper.serve(incoming, response).then(resolve, reject));
      }).then((port) => {
        const outgoing = get({ port, host: '127.0.0.1', agent: false });
        outgoing.on('error', () => undefined);
        outgoing.on('socket', (socket) =>
          socket.once('connect', () => setTimeout(() => outgoing.destroy(), 50)),
        );
      });
    });
    await served;
    assert.equal(reads, 0);
  });

  test('leaves the others of its round what they share', async (t) => {
    const gate = new EventEmitter();
    const scraper = scraperOf(async () => {
      await once(gate, 'open');
      return snapshotOf(60_000);
    });
    const { port, served } = await serve(t, scraper);
    const options = { headers: { 'Accept-Encoding': 'gzip' } };
    const leaving = open(port, options).then(async (response) => {
      await once(response, 'readable');
      response.destroy();
    });
    const staying = [ask(port, options), ask(port, options)];
    await eventually(() => assert.equal(served.length, 3));
    gate.emit('open');
    const expected = await textOf(snapshotOf(60_000));
    await leaving;
    for (const { body } of await Promise.all(staying)) assert.deepEqual(gunzipSync(body), expected);
  });

  test('without a word, and takes nothing any more, is ended, and lets go of the body', async (t) => {
    const scraper = scraperOf(async () => snapshotOf(60_000), { stallMs: 100 });
    const { port, served } = await serve(t, scraper);
    const response = await open(port);
    // Paused: what the kernel and both sides take is far less than the 15 MB of this body.
    await Promise.all(served);
    await assert.rejects(read(response), /aborted/);
  });

  test('byte by byte, is ended too', async (t) => {
    const scraper = scraperOf(async () => snapshotOf(60_000), { totalMs: 300 });
    const { port, served } = await serve(t, scraper);
    const response = await open(port);
    const reading = (async () => {
      for await (const _ of response) await sleep(10);
    })();
    await assert.rejects(reading, /aborted/);
    await Promise.all(served);
  });
});

test('a reader who is slow holds the compressed body, and not the snapshot', async (t) => {
  let snapshot: WeakRef<Snapshot> | undefined;
  const scraper = scraperOf(async () => {
    const large = snapshotOf(300, undefined, () => randomBytes(50_000).toString('hex'));
    snapshot = new WeakRef(large);
    return large;
  });
  const { port } = await serve(t, scraper);
  const response = await open(port, { headers: { 'Accept-Encoding': 'gzip' } });
  await once(response, 'readable');
  await eventually(() => {
    collectGarbage();
    assert.ok(snapshot !== undefined && snapshot.deref() === undefined, 'it is still held');
  });
  const body = gunzipSync(await read(response)).toString();
  assert.equal(body.match(/^c_total\{/gm)?.length, 300);
});

describe('while the process rests', () => {
  const timeout = (seconds: string) => ({ headers: { 'X-Prometheus-Scrape-Timeout-Seconds': seconds } });

  test('a scraper that gives up soon is answered in time, and so are those who wait with it', async (t) => {
    let reads = 0;
    const large = snapshotOf(2);
    const huge: Snapshot = {
      ...large,
      families: [
        {
          family: counter('c'),
          // 60 MB, for which the process rests as long as it ever does.
          series: Array.from({ length: 60 }, (_, index) => ({
            series: series({ id: `${index} ${'x'.repeat(1_000_000)}` }),
            startMs: 1000,
            values: [index],
          })),
        },
      ],
    };
    const scraper = scraperOf(async () => {
      reads += 1;
      return reads === 1 ? huge : large;
    });
    const { port } = await serve(t, scraper);
    await ask(port);
    const patient = ask(port, timeout('10'));
    const answers = await Promise.all([patient, ask(port, timeout('2')), ask(port, timeout('1'))]);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, status === 200 ? '' : body.toString()]),
      [
        [200, ''],
        [200, ''],
        [200, ''],
      ],
    );
    assert.equal(reads, 2);
  });
});

test('HEAD says what GET would say, and renders nothing', async (t) => {
  let rendered = 0;
  const scraper = scraperOf(async () => snapshotOf(10, () => (rendered += 1)));
  const { port } = await serve(t, scraper);
  const headers = { 'Accept-Encoding': 'gzip', Accept: 'application/openmetrics-text;version=1.0.0' };
  const head = await ask(port, { method: 'HEAD', headers });
  assert.equal(rendered, 0);
  const got = await ask(port, { headers });
  // Node says nothing of the framing where there is no body.
  const { 'transfer-encoding': _, ...expected } = got.headers;
  assert.deepEqual({ ...head.headers, date: '' }, { ...expected, date: '' });
});
