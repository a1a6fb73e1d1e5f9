/**
 * The preload: `node --require @org/orchestrator/register app.js`, or `--import`, or NODE_OPTIONS. It starts the
 * orchestrator where an application is about to run. It cannot hurt the application: any failure here costs one warning,
 * and the application runs as if the preload had not been given.
 */
import { preload } from './src/preload.js';

preload();
