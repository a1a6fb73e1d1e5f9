import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
  type DataSourceRef,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  MappingType,
  type DynamicConfigValue,
  type Panel,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapColorScale,
  HeatmapTooltipBuilder,
  PanelBuilder as HeatmapBuilder,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What every query and every variable asks: the data source that the reader has chosen. */
export const DATA_SOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** Columns of a dashboard that Grafana divides it into. */
export const GRID_WIDTH = 24;

/** A panel and the place it takes in the grid. */
export interface PlacedPanel {
  readonly width: number;
  readonly height: number;
  readonly builder: Builder<Panel> & {
    id(id: number): unknown;
    gridPos(at: { x: number; y: number; w: number; h: number }): unknown;
  };
}

interface Common {
  readonly title: string;
  /** What is shown and what to make of it. */
  readonly description: string;
  /** Of Grafana's units: `s`, `reqps`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  /** Columns; default 12 for graphs, 4 for single numbers. */
  readonly width?: number;
  readonly height?: number;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  /** Steps upward: below the first is green. */
  readonly warnAt?: number;
  readonly alarmAt?: number;
  /** Another dashboard that says more. */
  readonly link?: PanelLink;
}

export interface PanelLink {
  readonly title: string;
  /** Of a dashboard of this set. */
  readonly uid: string;
}

/** A query and the name of its series: a text with `{{label}}`. */
export type Query = readonly [expression: string, legend: string];

export interface GraphOptions extends Common {
  readonly queries: readonly Query[];
  readonly stacked?: boolean;
  /** Fixed colours by a regular expression on the series' name. */
  readonly colors?: Readonly<Record<string, string>>;
}

export interface StatOptions extends Common {
  readonly query: Query;
  /** Shown instead of nothing. */
  readonly noValue?: string;
  /** Show the name of the series beside the value. */
  readonly named?: boolean;
  /** 1 is shown as "up" and green, 0 as "down" and red. */
  readonly upOrDown?: boolean;
}

export interface HeatmapOptions extends Common {
  /** Of a histogram's buckets, by `le`. */
  readonly query: string;
}

export interface Column {
  readonly title: string;
  readonly query: string;
  readonly unit: string;
  readonly decimals?: number;
}

export interface TableOptions extends Omit<Common, 'unit'> {
  /** Label -> heading. Each combination is a row. */
  readonly labels: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
  readonly sortBy: string;
  /** From the rows to another dashboard, about the project that the row's label `job` names. */
  readonly rowLink?: PanelLink;
}

const UP_OR_DOWN: ValueMapping = {
  type: MappingType.ValueToText,
  options: { '0': { text: 'down', color: 'red', index: 0 }, '1': { text: 'up', color: 'green', index: 1 } },
};

/** Series over time. */
export function graph(options: GraphOptions): PlacedPanel {
  const builder = new TimeseriesBuilder()
    .unit(options.unit)
    .min(options.min ?? 0)
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (options.stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (options.max !== undefined) builder.max(options.max);
  for (const [pattern, color] of Object.entries(options.colors ?? {}))
    builder.overrideByRegexp(pattern, [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]);
  addTargets(builder, options.queries);
  return place(decorate(builder, options), options, 12, 8);
}

/** One number, with its past as a line behind it. */
export function stat(options: StatOptions): PlacedPanel {
  const builder = new StatBuilder()
    .unit(options.unit)
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .thresholds(thresholds(options))
    .noValue(options.noValue ?? '–');
  if (options.min !== undefined) builder.min(options.min);
  if (options.upOrDown === true) builder.mappings([UP_OR_DOWN]);
  addTargets(builder, [options.query]);
  return place(decorate(builder, options), options, 4, 4);
}

/** How the observations of a histogram are spread over time. */
export function heatmap(options: HeatmapOptions): PlacedPanel {
  const builder = new HeatmapBuilder()
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .scale(HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64)
        .reverse(false)
        .fill('dark-orange'),
    )
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Auto))
    .yAxis(new YAxisConfigBuilder().unit(options.unit).axisPlacement(AxisPlacement.Left))
    .tooltip(new HeatmapTooltipBuilder().mode(TooltipDisplayMode.Single).yHistogram(true))
    .scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Linear))
    .cellGap(1)
    .showLegend()
    .unit(options.unit);
  builder.withTarget(target('A', options.query, '{{le}}').format(PromQueryFormat.Heatmap).maxDataPoints(100));
  return place(decorate(builder, options), options, 12, 8);
}

/** One row for each combination of labels, one column for each query. */
export function table(options: TableOptions): PlacedPanel {
  const builder = new TableBuilder().filterable(true).cellOptions({ type: TableCellDisplayMode.Auto });
  const headings: Record<string, string> = { ...options.labels };
  const order: Record<string, number> = {};
  for (const [index, label] of Object.keys(options.labels).entries()) order[label] = index;
  for (const [index, column] of options.columns.entries()) {
    const refId = refIdOf(index);
    builder.withTarget(target(refId, column.query, '').instant().format(PromQueryFormat.Table));
    // With a single query Grafana calls its value "Value", with several "Value #A" and so on.
    const value = options.columns.length === 1 ? 'Value' : `Value #${refId}`;
    headings[value] = column.title;
    order[value] = Object.keys(options.labels).length + index;
    const properties: DynamicConfigValue[] = [{ id: 'unit', value: column.unit }];
    if (column.decimals !== undefined) properties.push({ id: 'decimals', value: column.decimals });
    builder.overrideByName(column.title, properties);
  }
  const job = options.labels['job'];
  if (options.rowLink !== undefined && job !== undefined) {
    const { title, uid } = options.rowLink;
    const url = `/d/${uid}?\${__url_time_range}&\${datasource:queryparam}&var-job=\${__value.raw}`;
    builder.overrideByName(job, [{ id: 'links', value: [{ title, url }] }]);
  }
  builder
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true }, indexByName: order, renameByName: headings },
    })
    .withTransformation({
      id: 'sortBy',
      options: { fields: {}, sort: [{ field: options.sortBy, desc: true }] },
    });
  return place(decorate(builder, options), options, GRID_WIDTH, 9);
}

function place(
  builder: PlacedPanel['builder'],
  { width, height }: { readonly width?: number; readonly height?: number },
  defaultWidth: number,
  defaultHeight: number,
): PlacedPanel {
  return { builder, width: width ?? defaultWidth, height: height ?? defaultHeight };
}

type AnyBuilder = TimeseriesBuilder | StatBuilder | HeatmapBuilder | TableBuilder;

function decorate<B extends AnyBuilder>(builder: B, options: Omit<Common, 'unit'>): B {
  builder.title(options.title).description(options.description).datasource(DATA_SOURCE);
  if (options.decimals !== undefined) builder.decimals(options.decimals);
  if (options.link !== undefined) {
    builder.links([
      new DashboardLinkBuilder(options.link.title)
        .type(DashboardLinkType.Link)
        .url(`/d/${options.link.uid}?\${__url_time_range}&\${datasource:queryparam}&\${job:queryparam}`),
    ]);
  }
  return builder;
}

function addTargets(builder: TimeseriesBuilder | StatBuilder, queries: readonly Query[]): void {
  for (const [index, [expression, legend]] of queries.entries())
    builder.withTarget(target(refIdOf(index), expression, legend).range());
}

function target(refId: string, expression: string, legend: string): DataqueryBuilder {
  const query = new DataqueryBuilder().refId(refId).expr(expression).datasource(DATA_SOURCE);
  return legend === '' ? query : query.legendFormat(legend);
}

function refIdOf(index: number): string {
  return 'ABCDEFGHIJ'.charAt(index);
}

function thresholds({ warnAt, alarmAt }: StatOptions): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([
      { value: null, color: 'green' },
      ...(warnAt === undefined ? [] : [{ value: warnAt, color: 'orange' }]),
      ...(alarmAt === undefined ? [] : [{ value: alarmAt, color: 'red' }]),
    ]);
}
