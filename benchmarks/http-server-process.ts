/**
 * The server of `benchmarks/http.ts`: `node http-server-process.js <app> <variant>`. Tells its port, and for each message
 * answers with the CPU time that it has used so far, in microseconds.
 */
import type * as Http from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import type * as HttpInstrumentationModule from '@opentelemetry/instrumentation-http';
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';

import type * as PromClient from 'prom-client';

import { AggregatingMeter } from '../src/instrumentation/meter/aggregating-meter.js';
import { instrumentFrameworks } from '../src/instrumentation/frameworks/frameworks.js';
import { instrumentHttpServer } from '../src/instrumentation/http/server/server.js';
import { createPathFilter } from '../src/instrumentation/http/path-filter.js';

type Observe = (request: IncomingMessage, response: ServerResponse) => void;

class DeltaReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  override selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.DELTA;
  }
}

const nothing: Observe = () => undefined;

/** Each returns what a handler must call for every request by hand. Packages load here, so that none pays for another's. */
const VARIANTS: Record<string, () => Observe> = {
  bare: () => nothing,
  'auto-instrumentations-node': () => nothing,
  'prom-client': promClient,
  HttpInstrumentation: httpInstrumentation,
  orchestrator: ours,
};

const load = createRequire(__filename);

function provider(): MeterProvider {
  return new MeterProvider({ readers: [new DeltaReader()] });
}

function ours(): Observe {
  instrumentFrameworks({ main: __filename });
  const instruments = new AggregatingMeter({ name: 'benchmark' });
  const reader = new DeltaReader({ metricProducers: [instruments.producer(AggregationTemporality.DELTA)] });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('benchmark');
  instrumentHttpServer({ meter, instruments, ignore: createPathFilter(['/healthz']) });
  return nothing;
}

function httpInstrumentation(): Observe {
  const { HttpInstrumentation } = load(
    '@opentelemetry/instrumentation-http',
  ) as typeof HttpInstrumentationModule;
  new HttpInstrumentation().setMeterProvider(provider());
  return nothing;
}

/** As the prom-client guides write it. */
function promClient(): Observe {
  const { Histogram } = load('prom-client') as typeof PromClient;
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests.',
    labelNames: ['method', 'route', 'status_code'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  });
  return (request, response) => {
    const end = duration.startTimer();
    response.on('finish', () => {
      end({ method: request.method ?? '', route: '/users/:id', status_code: response.statusCode });
    });
  };
}

const APPS: Record<string, (observe: Observe) => RequestListener> = {
  'node:http': (observe) => (request, response) => {
    observe(request, response);
    response.setHeader('content-type', 'text/plain');
    response.end('Hello');
  },
  'Express 5': (observe) => {
    const express = load('express') as () => RequestListener & {
      use(handler: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void;
      get(
        path: string,
        handler: (request: IncomingMessage, response: ServerResponse & { send(text: string): void }) => void,
      ): void;
    };
    const app = express();
    app.use((request, response, next) => {
      observe(request, response);
      next();
    });
    app.get('/users/:id', (_request, response) => response.send('Hello'));
    return app;
  },
};

const [app = '', variant = ''] = process.argv.slice(2);
const observe = VARIANTS[variant]?.() ?? nothing;
const { createServer } = load('node:http') as typeof Http;
const server = createServer(APPS[app]?.(observe));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system });
});
process.on('disconnect', () => server.close());
