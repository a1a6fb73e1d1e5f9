/** `--require`d by fixture applications: measures their requests, and sends what it measured when the test asks. */
import { instrumentFrameworks } from '../../../src/instrumentation/frameworks/frameworks.js';
import { instrumentHttpServer } from '../../../src/instrumentation/http/server/server.js';
import { CollectedMetrics } from '../collected-metrics.js';

const metrics = new CollectedMetrics();
instrumentFrameworks({ main: process.argv[1], actions: true });
instrumentHttpServer({ meter: metrics.meter, names: ['semconv', 'prometheus-net'] });

process.on('message', (name: string) => {
  void metrics.series(name).then((series) => process.send?.({ series }));
});
// The test has ended, or was ended.
process.on('disconnect', () => process.exit());
