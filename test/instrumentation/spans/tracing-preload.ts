/** `--require`d by fixture applications: traces them, measures their requests, and sends the metrics when the test asks. */
import { NodeSDK } from '@opentelemetry/sdk-node';

import { instrumentFrameworks } from '../../../src/instrumentation/frameworks/frameworks.js';
import { instrumentHttpServer } from '../../../src/instrumentation/http/server/server.js';
import { traceInstrumentations } from '../../../src/instrumentation/spans/tracing.js';
import { CollectedMetrics } from '../collected-metrics.js';

const main = process.argv[1];
new NodeSDK({
  instrumentations: [
    ...traceInstrumentations({ main, ignore: (path) => path === '/healthz' }).instrumentations,
  ],
}).start();

const metrics = new CollectedMetrics();
instrumentFrameworks({ main });
instrumentHttpServer({ meter: metrics.meter, ignore: (path) => path === '/healthz' });

process.on('message', (name: string) => {
  void metrics.series(name).then((series) => process.send?.({ series }));
});
// The test has ended, or was ended.
process.on('disconnect', () => process.exit());
