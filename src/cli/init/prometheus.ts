/** How Prometheus finds the project: at its own endpoint, or through `orchestrator serve`. */
export type PrometheusWay = 'static' | 'http-sd';

/** The part of a prometheus.yml that scrapes one project at its own endpoint. */
export function staticScrape(prefix: string, target: string): string {
  return `scrape_configs:
  - job_name: ${prefix}
    scrape_interval: 15s
    # Any other project that has come to the address answers 421, and is never recorded as this one.
    params:
      project: [${prefix}]
    static_configs:
      - targets: ['${target}']
`;
}

/**
 * The part of a prometheus.yml that scrapes all projects of "orchestrator serve", and its overview. The job of each is its
 * project, as the dashboards and alerts expect.
 */
export function discoveredScrape(serve: string, refresh = '30s'): string {
  return `scrape_configs:
  # One target for each project of the store; they come and go with their data.
  - job_name: projects
    http_sd_configs:
      - url: http://${serve}/sd
        refresh_interval: ${refresh}
    relabel_configs:
      - source_labels: [project]
        target_label: job
  # Processes, series, size and freshness of each project.
  - job_name: projects-overview
    static_configs:
      - targets: ['${serve}']
    metric_relabel_configs:
      - source_labels: [project]
        regex: (.+)
        target_label: job
`;
}
