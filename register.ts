/**
 * The preload: `node --require @org/orchestrator/register app.js`, or `--import`, or NODE_OPTIONS. It starts the
 * orchestrator where an application is about to run, and can do nothing to hurt it: whatever goes wrong here costs one
 * warning, and the application runs as if this line had not been typed.
 */
import { preload } from './src/preload.js';

preload();
