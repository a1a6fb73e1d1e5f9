// Two processes, started again when they die. "pm2 reload gateway" replaces them one by one, "pm2 sendSignal SIGHUP gateway"
// applies a changed configuration.
module.exports = {
  apps: [
    {
      name: 'gateway',
      script: 'dist/src/main.js',
      instances: 2,
      exec_mode: 'cluster',
      node_args: '--env-file=.env --require @org/orchestrator/register',
      wait_ready: true,
      kill_timeout: 12000,
      env: { ORCHESTRATOR_PREFIX: 'gateway' },
    },
  ],
};
