import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as dashboard from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';

/**
 * A dashboard's JSON by Grafana's own schema, as `@grafana/schema` publishes it with each release. There a panel's options,
 * its custom fields, its queries and the values of its overrides are anything; here they are those of the panel's type and
 * of the data source. A panel of a type that is not listed is refused.
 */
export type GrafanaBoard = Json<
  Omit<dashboard.Dashboard, 'panels' | 'annotations'> & {
    panels: ReadonlyArray<GrafanaPanel | (Omit<dashboard.RowPanel, 'panels'> & { panels: GrafanaPanel[] })>;
    annotations: { list: PrometheusAnnotation[] };
  }
>;

type GrafanaPanel =
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Panel<'stat', stat.Options, Record<string, never>>
  | Panel<'table', table.Options, table.FieldConfig>
  | Panel<'heatmap', heatmap.Options, heatmap.FieldConfig>;

type Panel<Type extends string, Options, Custom> = Omit<
  dashboard.Panel,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & {
  type: Type;
  options: Options;
  fieldConfig: {
    defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Custom };
    overrides: Array<{ matcher: dashboard.MatcherConfig; properties: Property[] }>;
  };
  targets: PrometheusQuery[];
};

/** An override sets one of the properties that a field has. */
type Property = {
  [Id in keyof dashboard.FieldConfig]-?: { id: Id; value: dashboard.FieldConfig[Id] };
}[keyof dashboard.FieldConfig];

/** The plugin of Prometheus is no part of `@grafana/schema`; the SDK has its query, and what it adds to an annotation. */
type PrometheusQuery = Omit<Dataquery, '_implementsDataqueryVariant'>;
type PrometheusAnnotation = dashboard.AnnotationQuery &
  Pick<AnnotationQuery, 'expr' | 'step' | 'titleFormat' | 'textFormat' | 'tagKeys'>;

/** What remains of a type in JSON: an enumeration's values are plain strings there. */
type Json<T> = T extends string
  ? `${T}`
  : T extends ReadonlyArray<infer Item>
    ? Array<Json<Item>>
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;
