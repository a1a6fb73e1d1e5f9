import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

/**
 * Takes off what the SDK writes into every object although nobody asked for it: `placement`, which puts links and
 * annotations into a menu behind an icon and which Grafana 12.1 does not know, and keys that the schema of Grafana 13 does
 * not have.
 */
export function withoutSdkDefaults(board: Dashboard): Dashboard {
  for (const link of board.links ?? []) delete link.placement;
  for (const annotation of board.annotations?.list ?? []) delete annotation.placement;
  for (const variable of board.templating?.list ?? []) {
    delete variable.auto;
    delete variable.auto_min;
    delete variable.auto_count;
  }
  for (const panel of board.panels ?? []) {
    if (isRow(panel)) panel.panels.forEach(cleanPanel);
    else cleanPanel(panel);
  }
  return board;
}

function cleanPanel(panel: Panel): void {
  for (const link of panel.links ?? []) delete link.placement;
  if (panel.type === 'table') delete (panel.options as { footer?: unknown }).footer;
}

function isRow(panel: Panel | RowPanel): panel is RowPanel {
  return panel.type === 'row';
}
