/** A file of /etc/grafana/provisioning/dashboards. @param folder with the dashboards, as Grafana sees it */
export function grafanaProvider(folder: string): string {
  return `apiVersion: 1
providers:
  - name: orchestrator
    folder: Orchestrator
    type: file
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: ${JSON.stringify(folder)}
`;
}
