import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  type DataSourceRef,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** A query and the name of its series, a text with `{{label}}`. */
export type Query = readonly [expression: string, legend: string];

export interface PanelOptions {
  readonly title: string;
  /** What is shown and what to make of it. */
  readonly description: string;
  /** Of Grafana's units. */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly stacked?: boolean;
  /** Of single numbers: from here on orange, or red. */
  readonly warnAt?: number;
  readonly alarmAt?: number;
}

interface Placed {
  readonly width: number;
  readonly height: number;
  readonly builder: TimeseriesBuilder | StatBuilder;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Placed[];
}

const SOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };
const GRID_WIDTH = 24;

/** Series over time. */
export function graph(options: PanelOptions, width = 12): Placed {
  const builder = new TimeseriesBuilder()
    .unit(options.unit)
    .min(0)
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (options.stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  return { builder: finish(builder, options), width, height: 8 };
}

/** One number, with its past behind it. */
export function stat(options: PanelOptions, width = 6): Placed {
  const steps = [
    { value: null, color: 'green' },
    ...(options.warnAt === undefined ? [] : [{ value: options.warnAt, color: 'orange' }]),
    ...(options.alarmAt === undefined ? [] : [{ value: options.alarmAt, color: 'red' }]),
  ];
  const builder = new StatBuilder()
    .unit(options.unit)
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
  return { builder: finish(builder, options), width, height: 4 };
}

export function dashboard(uid: string, title: string, description: string, rows: readonly Row[]): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['payflow'])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  place(builder, rows);
  return builder.build();
}

function finish<B extends TimeseriesBuilder | StatBuilder>(builder: B, options: PanelOptions): B {
  builder.title(options.title).description(options.description).datasource(SOURCE);
  for (const [index, [expression, legend]] of options.queries.entries()) {
    const query = new DataqueryBuilder()
      .refId('ABCDEFGH'.charAt(index))
      .expr(expression)
      .datasource(SOURCE)
      .range();
    builder.withTarget(query.legendFormat(legend));
  }
  return builder;
}

/** From left to right, row by row. */
function place(builder: DashboardBuilder, rows: readonly Row[]): void {
  let [y, id] = [0, 1];
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title).id(id++).gridPos({ x: 0, y: y++, w: GRID_WIDTH, h: 1 }));
    let [x, lineHeight] = [0, 0];
    for (const { builder: panel, width, height } of panels) {
      if (x + width > GRID_WIDTH) {
        y += lineHeight;
        [x, lineHeight] = [0, 0];
      }
      panel.id(id++);
      panel.gridPos({ x, y, w: width, h: height });
      builder.withPanel(panel);
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
}
