import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { DATA_SOURCE, GRID_WIDTH, type PlacedPanel } from './panels.js';
import { of } from './promql.js';
import { withoutSdkDefaults } from './sdk-defaults.js';

/** Every dashboard has it; the links between them find each other by it. */
const TAG = 'orchestrator';

/** A choice of one label's values, offered above the dashboard. */
export interface LabelVariable {
  readonly name: string;
  readonly label: string;
  /** A metric that carries the label; a selector without braces or with them. */
  readonly from: string;
  readonly labelName: string;
  /** Also what lacks the label: `.*` instead of `.+`. */
  readonly optional?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly PlacedPanel[];
  /** Folded until somebody opens it: for what only some projects have. */
  readonly collapsed?: boolean;
}

export interface BoardOptions {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
  /** Besides data source and project. */
  readonly variables?: readonly LabelVariable[];
}

/** The processes of the project. Only gauges tell them apart. */
export const INSTANCE_VARIABLE: LabelVariable = {
  name: 'instance',
  label: 'Instance',
  from: of('nodejs_eventloop_utilization_ratio'),
  labelName: 'service_instance_id',
};

export function board(options: BoardOptions): Dashboard {
  const builder = new DashboardBuilder(options.title)
    .uid(options.uid)
    .description(options.description)
    .tags([TAG, 'nodejs'])
    .readonly()
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .link(
      new DashboardLinkBuilder('Orchestrator')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      labelVariable({ name: 'job', label: 'Job', from: 'orchestrator_instances', labelName: 'job' }),
    );
  for (const variable of options.variables ?? []) builder.withVariable(labelVariable(variable));
  builder.annotation(deployments());
  addRows(builder, options.rows);
  return withoutSdkDefaults(builder.build());
}

function labelVariable(variable: LabelVariable): QueryVariableBuilder {
  const query = `label_values(${variable.from}, ${variable.labelName})`;
  return new QueryVariableBuilder(variable.name)
    .label(variable.label)
    .datasource(DATA_SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(variable.optional === true ? '.*' : '.+');
}

/** A version that was not there five minutes ago. `target_info` shows it once all processes agree on it. */
function deployments(): AnnotationQueryBuilder {
  const versions = `count by (job, service_version) (${of('target_info', 'service_version!=""')}`;
  return new AnnotationQueryBuilder()
    .name('Deployments')
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor('blue')
    .expr(`${versions}) unless ${versions} offset 5m)`)
    .step('60s')
    .titleFormat('{{job}} {{service_version}}')
    .textFormat('All processes run version {{service_version}}.')
    .tagKeys('service_version');
}

/** Panels flow from left to right, as the words of a text do. */
function addRows(builder: DashboardBuilder, rows: readonly Row[]): void {
  let y = 0;
  let id = 1;
  for (const row of rows) {
    const rowBuilder = new RowBuilder(row.title)
      .id(id++)
      .collapsed(row.collapsed === true)
      .gridPos({ x: 0, y: y++, w: GRID_WIDTH, h: 1 });
    const first = y;
    let x = 0;
    let lineHeight = 0;
    for (const { builder: panel, width, height } of row.panels) {
      if (x + width > GRID_WIDTH) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      panel.id(id++);
      panel.gridPos({ x, y, w: width, h: height });
      x += width;
      lineHeight = Math.max(lineHeight, height);
      if (row.collapsed === true) rowBuilder.withPanel(panel);
    }
    y += lineHeight;
    builder.withRow(rowBuilder);
    // A folded row takes one line only, whatever is in it.
    if (row.collapsed === true) y = first;
    else for (const { builder: panel } of row.panels) builder.withPanel(panel);
  }
}
