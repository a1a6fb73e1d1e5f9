'use strict';
// Loaded before the preload of @org/orchestrator by every process. What the environment says wins.

const DEFAULTS = {
  ORCHESTRATOR_PREFIX: 'daily-orchestrator',
  // Counters that move once a day would expire with the default of one day, a minute before they are written again.
  ORCHESTRATOR_METRICS_TTL: String(8 * 86_400),
  // What a run leaves outlives its process. All processes see the same broker and the same error budget.
  ORCHESTRATOR_GAUGE_AGGREGATION: 'workflow.last.*=keep,workflow.queue.*=last,esi.error_budget=min',
};

for (const [name, value] of Object.entries(DEFAULTS)) process.env[name] ||= value;
