import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

import { instrumentHttpServer } from '../../../../src/instrumentation/http/server/server.js';
import { CollectedMetrics } from '../../collected-metrics.js';

/** Node 20 has no channels for HTTP/2. */
const HAS_CHANNELS = Number(process.versions.node.split('.')[0]) >= 22;
const HTTP = 'network.protocol.version=2,url.scheme=http';

const serialize = (value: string): Buffer => Buffer.from(value);
const deserialize = String;
const method = (path: string, responseStream = false) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});

const CODES = new Map([
  ['not found', status.NOT_FOUND],
  ['internal', status.INTERNAL],
]);
const SERVICE = {
  Get: method('/shop.Orders/Get'),
  Watch: method('/shop.Orders/Watch', true),
};

describe('gRPC', () => {
  test('the status in the trailers decides, and no unknown method becomes a route', async (t) => {
    const metrics = new CollectedMetrics();
    const instrumentation = instrumentHttpServer({ meter: metrics.meter });
    const server = new Server();
    server.addService(SERVICE, {
      Get({ request }: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        if (request === 'ok') done(null, 'ok');
        else done({ code: CODES.get(request) ?? status.UNKNOWN, details: 'expected' });
      },
      Watch(call: ServerWritableStream<string, string>) {
        call.write('first');
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    t.after(async () => {
      client.close();
      server.forceShutdown();
      instrumentation.stop();
      await metrics.shutdown();
    });
    const call = (path: string, request: string): Promise<number> =>
      new Promise((resolve) => {
        client.makeUnaryRequest(path, serialize, deserialize, request, (error) =>
          resolve(error?.code ?? status.OK),
        );
      });
    assert.equal(await call('/scan.A/X', ''), status.UNIMPLEMENTED);
    assert.equal(await call(SERVICE.Get.path, 'ok'), status.OK);
    assert.equal(await call(SERVICE.Get.path, 'not found'), status.NOT_FOUND);
    assert.equal(await call(SERVICE.Get.path, 'internal'), status.INTERNAL);
    assert.equal(await call('/scan.B/Y', ''), status.UNIMPLEMENTED);
    await new Promise((resolve) => {
      const watched = client.makeServerStreamRequest(SERVICE.Watch.path, serialize, deserialize, 'x');
      watched.on('data', () => watched.cancel());
      watched.on('error', resolve);
    });
    const total = (series: Record<string, number>): number =>
      Object.values(series).reduce((sum, count) => sum + count, 0);
    const calls = 'rpc.server.call.duration';
    while (HAS_CHANNELS && total(await metrics.series(calls)) < 6) await delay(5);
    const http = (route: string): string =>
      `http.request.method=POST,http.response.status_code=200,${route}${HTTP}`;
    assert.deepEqual(
      await metrics.series('http.server.request.duration'),
      HAS_CHANNELS ? { [http('')]: 3, [http('http.route=/shop.Orders/Get,')]: 3 } : {},
    );
    const rpc = (name: string, code: string, error = ''): string =>
      `${error}rpc.method=${name},rpc.status_code=${code},rpc.system.name=grpc`;
    assert.deepEqual(
      await metrics.series(calls),
      HAS_CHANNELS
        ? {
            [rpc('_OTHER', 'UNIMPLEMENTED', 'error.type=UNIMPLEMENTED,')]: 2,
            [rpc('shop.Orders/Get', 'OK')]: 1,
            [rpc('shop.Orders/Get', 'NOT_FOUND')]: 1,
            [rpc('shop.Orders/Get', 'INTERNAL', 'error.type=INTERNAL,')]: 1,
            // A call that the client ended has had no success.
            [rpc('_OTHER', 'CANCELLED')]: 1,
          }
        : {},
    );
  });
});
