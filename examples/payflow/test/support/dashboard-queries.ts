import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

/** Every query of every panel, as Grafana would send it. */
export function expressionsOf(board: Dashboard): string[] {
  return (board.panels ?? [])
    .flatMap((panel) => ('targets' in panel ? (panel.targets ?? []) : []))
    .map((target) => (target as { expr?: string }).expr ?? '')
    .map((expression) => expression.replaceAll('$__rate_interval', '30s').replaceAll('$__range', '5m'));
}
