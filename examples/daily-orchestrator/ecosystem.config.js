'use strict';
// pm2 start ecosystem.config.js [--only daily-orchestrator]
// Settings come from the environment of that command: see README.md.

const common = {
  script: 'dist/src/cli/main.js',
  cwd: __dirname,
  node_args: ['--require', './metrics-settings.js', '--require', '@org/orchestrator/register'],
  exec_mode: 'fork',
  autorestart: true,
  exp_backoff_restart_delay: 100,
  // A worker settles what it has in hand.
  kill_timeout: 30_000,
  // The log on stdout is in LOG_DIR too, where it is rotated. Here is what a process says that cannot start.
  out_file: '/dev/null',
};

module.exports = {
  apps: [
    { ...common, name: 'daily-orchestrator', args: ['run'] },
    { ...common, name: 'worker-alliances', args: ['worker:info:alliances'] },
    { ...common, name: 'worker-alliance-corporations', args: ['worker:alliance-corporations'] },
    { ...common, name: 'worker-corporations', args: ['worker:info:corporations'] },
  ],
};
