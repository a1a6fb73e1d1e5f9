export interface Warning {
  /** As printed, with `…` for what is filled in. `test/docs` finds each of them in the source, and each of the source here. */
  readonly message: string;
  readonly meaning: string;
  readonly remedy: string;
}

export const WARNINGS: readonly Warning[] = [
  {
    message: 'At the end: …',
    meaning: '`shutdown()` did not end everything in order: an exporter of OpenTelemetry failed.',
    remedy:
      'The reason follows. What belongs to the store was sent before, or another warning says that it was not.',
  },
  {
    message: 'not started, the application runs without metrics: …',
    meaning: 'The preload failed. The application runs as if it were not there.',
    remedy: 'The reason follows; it is one of the codes above or an error of OpenTelemetry.',
  },
  {
    message: '…=… is not allowed. Allowed: …. Used instead: ….',
    meaning: 'An environment variable has a value that is not allowed.',
    remedy: 'Correct it or remove it.',
  },
  {
    message:
      'No name for this project: set ORCHESTRATOR_PREFIX. Projects without a name share "unknown_service".',
    meaning: 'There is no prefix, no service name, and no package.json with a name above the main script.',
    remedy: 'Set `ORCHESTRATOR_PREFIX`.',
  },
  {
    message:
      'OTEL_METRICS_EXPORTER: "…" is not allowed. Allowed: orchestrator, otlp, prometheus, console, none. It is left out.',
    meaning: 'One name of the list is unknown. The others are used.',
    remedy: 'Correct the name.',
  },
  {
    message: '… Metrics wait in memory and are sent when it heals; the application is not affected.',
    meaning: 'A flush did not reach the store. The reason comes first.',
    remedy:
      'See the code `ORCHESTRATOR_STORE_UNAVAILABLE`, `ORCHESTRATOR_STORE_REFUSED` or `ORCHESTRATOR_PREFIX_TAKEN`.',
  },
  {
    message: 'Store … answers again; everything that waited has been sent.',
    meaning: 'The outage is over. Nothing was lost and nothing was counted twice.',
    remedy: 'Nothing.',
  },
  {
    message: 'The last values of … series did not reach the store: …',
    meaning: 'The process ended while the store was away. What this process had not sent is lost.',
    remedy: 'Nothing can be done afterwards. Keep the store up longer than the processes that use it.',
  },
  {
    message: '… lost confirmed writes (failover); … parts are sent again….',
    meaning:
      'Redis failed over to a replica that did not have the latest writes. This process sends its own again, from a bounded memory. `older ones are gone` means that the memory did not reach back far enough.',
    remedy: 'Nothing. With frequent failovers look at replication lag and `min-replicas-to-write`.',
  },
  {
    message:
      '… Used instead: memory, so that each process shows only itself. Set ORCHESTRATOR_LOCAL_DIR or ORCHESTRATOR_REDIS_URL.',
    meaning: 'The folder of the local store cannot be used. The reason comes first.',
    remedy: 'Set one of the two. A read-only container needs a writable `ORCHESTRATOR_LOCAL_DIR`.',
  },
  {
    message: 'The local store in … was damaged (…). It was moved to …, and a new one begins from zero.',
    meaning: 'A file was not readable: the host lost power, or somebody changed it.',
    remedy: 'Nothing. The damaged files are kept until the next damage.',
  },
  {
    message:
      'One flush of unknown outcome is given up: the store was away for too long to tell whether it arrived.',
    meaning:
      'A flush was sent, its answer never came, and the store was away for half of `ORCHESTRATOR_METRICS_TTL`. To send it again could count it twice.',
    remedy: 'Nothing. At most one flush of this process is missing.',
  },
  {
    message: 'Metric …: …. Such points are dropped and counted in orchestrator.points.dropped.',
    meaning: 'Something that cannot be added was recorded: NaN or infinity in a counter or histogram.',
    remedy: 'Correct the code that records it.',
  },
  {
    message: 'Metric "…" is not exposed: …. Rename it.',
    meaning:
      'Two metrics need the same Prometheus name and have different types, or the name has nothing that Prometheus allows. The older metric is exposed.',
    remedy:
      'Rename one of them. After a change of type the old data leave by themselves, after `ORCHESTRATOR_METRICS_TTL`.',
  },
  {
    message:
      'Metric "…" has another description than the metric that shares its Prometheus name …; the older one is exposed.',
    meaning: 'Two metrics share one Prometheus name. All their points are exposed, under one description.',
    remedy: 'Give both the same description, or one of them another name.',
  },
  {
    message: 'A scrape broke off: ….',
    meaning:
      'Something in the metrics could not be written. The scraper saw the connection break. Said once for each reason.',
    remedy: 'Report it with its reason: it is a defect of this package.',
  },
  {
    message:
      'Port … belongs to …, so nobody serves the metrics of "…". Set OTEL_EXPORTER_PROMETHEUS_PORT to a free port.',
    meaning:
      'The port of the metrics server is taken by another program or another project. The metrics are stored all the same.',
    remedy: 'Choose another port. It is tried again every second.',
  },
  {
    message:
      'The metrics server cannot listen: …. Check OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT.',
    meaning:
      'The address does not exist on this host, or the port needs rights that the process does not have.',
    remedy: 'Correct host or port. It is tried again every second.',
  },
];
