import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

import { type PanelSpec, ROWS } from './panels.js';

const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const GRID_WIDTH = 24;

/** The dashboard "Gateway". */
export function gatewayBoard(): Dashboard {
  const builder = new DashboardBuilder('Gateway')
    .uid('orchestrator-gateway')
    .description(
      'Requests, upstreams, circuit breakers and flows of the gateway, summed over all of its processes.',
    )
    .tags(['orchestrator', 'gateway'])
    .readonly()
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(variable('job', 'Job', 'label_values(gateway_breaker_state, job)'))
    .withVariable(
      variable('upstream', 'Upstream', 'label_values(gateway_breaker_state{job=~"$job"}, upstream)'),
    );
  let [y, id] = [0, 1];
  for (const { title, panels } of ROWS) {
    builder.withRow(new RowBuilder(title).id(id++).gridPos({ x: 0, y: y++, w: GRID_WIDTH, h: 1 }));
    let [x, lineHeight] = [0, 0];
    for (const spec of panels) {
      const { width = spec.stat === undefined ? 12 : 4, height = spec.stat === undefined ? 8 : 4 } = spec;
      if (x + width > GRID_WIDTH) [x, y, lineHeight] = [0, y + lineHeight, 0];
      builder.withPanel(panelOf(spec).id(id++).gridPos({ x, y, w: width, h: height }));
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return builder.build();
}

function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.+');
}

function panelOf(spec: PanelSpec): StatBuilder | TimeseriesBuilder {
  const panel =
    spec.stat === undefined ? new TimeseriesBuilder().lineWidth(1).fillOpacity(8) : statBuilder(spec);
  panel.title(spec.title).description(spec.description).datasource(SOURCE).unit(spec.unit).min(0);
  for (const [index, [expression, legend]] of spec.queries.entries()) {
    const query = new DataqueryBuilder().refId('ABCDEFGH'.charAt(index)).expr(expression).datasource(SOURCE);
    panel.withTarget(legend === '' ? query : query.legendFormat(legend));
  }
  return panel;
}

function statBuilder({ stat }: PanelSpec): StatBuilder {
  const builder = new StatBuilder();
  if (stat === 'up-or-down')
    builder.mappings([
      {
        type: MappingType.ValueToText,
        options: {
          '0': { text: 'down', color: 'red', index: 0 },
          '1': { text: 'up', color: 'green', index: 1 },
        },
      },
    ]);
  return builder;
}
