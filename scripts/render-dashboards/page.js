/* global document, uPlot, requestAnimationFrame, devicePixelRatio */
// Runs in the browser: draws one dashboard from the data that the script has asked Prometheus for. Not Grafana, but the same
// grid, the same queries and the chart library that Grafana draws with.

const COLORS = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff9830',
  '#f2495c',
  '#b877d9',
  '#5794f2',
  '#fade2a',
  '#ffa6b0',
  '#96d98d',
];
const NAMED = { green: '#73bf69', red: '#f2495c', orange: '#ff9830', blue: '#5794f2', purple: '#b877d9' };
const GRID = { columns: 24, row: 30, gap: 8 };
/** Ticks of the time axis. */
const MINUTES = [60, 120, 300, 600, 1800, 3600];
/** Ticks of bytes are whole kibibytes and mebibytes. */
const BINARY = Array.from({ length: 50 }, (_none, power) => 2 ** power);
const AXIS = '#8e929b';
const LINES = '#2a2d33';

function scaled(value, steps, base = 1000) {
  let size = Math.abs(value);
  let index = 0;
  while (size >= base && index < steps.length - 1) {
    size /= base;
    index++;
  }
  return `${rounded(value / base ** index)}${steps[index]}`;
}

function rounded(value) {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function duration(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${rounded(seconds * 1e6)} µs`;
  if (size < 1) return `${rounded(seconds * 1e3)} ms`;
  if (size < 60) return `${rounded(seconds)} s`;
  if (size < 3600) return `${rounded(seconds / 60)} min`;
  return `${rounded(seconds / 3600)} h`;
}

const UNITS = {
  s: duration,
  bytes: (value) => scaled(value, [' B', ' KiB', ' MiB', ' GiB', ' TiB'], 1024),
  Bps: (value) => scaled(value, [' B/s', ' kB/s', ' MB/s', ' GB/s']),
  percentunit: (value) => `${rounded(value * 100)} %`,
  reqps: (value) => `${scaled(value, ['', ' k', ' M'])} req/s`,
  ops: (value) => `${scaled(value, ['', ' k', ' M'])} ops/s`,
  pps: (value) => `${scaled(value, ['', ' k', ' M'])} p/s`,
  short: (value) => scaled(value, ['', ' k', ' M', ' G']),
};

function format(unit, value) {
  return (UNITS[unit] ?? UNITS.short)(value);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function colorOf(panel, name, index) {
  const own = panel.colors.find(([pattern]) => new RegExp(pattern).test(name));
  return own === undefined ? COLORS[index % COLORS.length] : (NAMED[own[1]] ?? own[1]);
}

function drawGraph(panel, body) {
  const legend = element('div', 'legend');
  const chart = element('div', 'chart');
  body.append(chart, legend);
  for (const [index, { name }] of panel.series.entries()) {
    const item = element('span', 'item', name);
    item.style.setProperty('--color', colorOf(panel, name, index));
    legend.append(item);
  }
  const rows = panel.series.map(({ values }) => (panel.stacked ? values.map((value) => value ?? 0) : values));
  if (panel.stacked) {
    for (let index = 1; index < rows.length; index++) {
      const below = rows[index - 1];
      rows[index] = rows[index].map((value, at) => (value ?? 0) + (below[at] ?? 0));
    }
  }
  const largest = Math.max(...rows.flat().filter((value) => value !== null), 0);
  const top = panel.max !== undefined ? panel.max : largest === 0 ? 1 : largest * 1.1;
  const axis = {
    stroke: AXIS,
    grid: { stroke: LINES, width: 1 },
    ticks: { show: false },
    font: '11px sans-serif',
  };
  // The highest first: what is stacked on top is drawn behind what is below it.
  const order = rows.map((_row, index) => index);
  if (panel.stacked) order.reverse();
  return new uPlot(
    {
      width: chart.clientWidth,
      height: chart.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true }, y: { range: [Math.min(panel.min ?? 0, 0), top] } },
      axes: [
        {
          ...axis,
          size: 26,
          incrs: MINUTES,
          values: (_plot, times) => times.map((time) => new Date(time * 1000).toISOString().slice(11, 16)),
        },
        {
          ...axis,
          size: 72,
          ...(panel.unit === 'bytes' && { incrs: BINARY }),
          values: (_plot, ticks) => ticks.map((tick) => format(panel.unit, tick)),
        },
      ],
      // Between a series and the one below it, not down to zero, where colours would mix.
      bands: panel.stacked ? order.slice(1).map((_index, place) => ({ series: [place + 1, place + 2] })) : [],
      series: [
        {},
        ...order.map((index) => {
          const color = colorOf(panel, panel.series[index].name, index);
          return {
            stroke: color,
            width: 1.2,
            fill: `${color}${panel.stacked ? '70' : '14'}`,
            points: { show: false },
            spanGaps: true,
          };
        }),
      ],
    },
    [panel.times, ...order.map((index) => rows[index])],
    chart,
  );
}

function drawStat(panel, body) {
  const [series] = panel.series;
  const values = series?.values.filter((value) => value !== null) ?? [];
  const last = values.at(-1);
  const reached = panel.thresholds.findLast(({ value }) => value === null || (last ?? 0) >= value);
  const color = NAMED[panel.mapped[last]?.color ?? reached?.color] ?? '#73bf69';
  const number = element(
    'div',
    'number',
    last === undefined ? panel.noValue : (panel.mapped[last]?.text ?? format(panel.unit, last)),
  );
  number.style.color = color;
  const chart = element('div', 'spark');
  body.append(number, chart);
  if (values.length < 2) return undefined;
  const largest = Math.max(...values);
  return new uPlot(
    {
      width: chart.clientWidth,
      height: chart.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [2, 0, 0, 0],
      scales: { x: { time: true }, y: { range: [0, largest === 0 ? 1 : largest * 1.15] } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { stroke: color, width: 1, fill: `${color}26`, points: { show: false }, spanGaps: true }],
    },
    [panel.times, series.values],
    chart,
  );
}

function drawTable(panel, body) {
  const table = element('table', '');
  const head = table.createTHead().insertRow();
  for (const column of panel.columns)
    head.append(element('th', column.unit === undefined ? '' : 'value', column.title));
  const rows = table.createTBody();
  for (const cells of panel.rows) {
    const row = rows.insertRow();
    for (const [index, cell] of cells.entries()) {
      const { unit, decimals } = panel.columns[index];
      const text =
        cell === null
          ? '–'
          : unit === undefined
            ? String(cell)
            : format(unit, decimals === 0 ? Math.round(cell) : cell);
      row.append(element('td', unit === undefined ? '' : 'value', text));
    }
  }
  body.append(table);
}

/** Buckets are cumulative: what is in a cell is the difference to the one below. */
function drawHeatmap(panel, body) {
  const buckets = panel.series
    .map(({ name, values }) => ({ bound: name === '+Inf' ? Infinity : Number(name), values }))
    .sort((a, b) => a.bound - b.bound);
  const cells = buckets.map(({ values }, index) =>
    values.map((value, at) => Math.max(0, (value ?? 0) - (buckets[index - 1]?.values[at] ?? 0))),
  );
  // Empty rows at both ends say nothing.
  const filled = cells.map((row) => row.some((value) => value > 0));
  const first = Math.max(0, filled.indexOf(true) - 1);
  const last = Math.min(cells.length - 1, filled.lastIndexOf(true) + 1);
  const canvas = element('canvas', 'heat');
  body.append(canvas);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext('2d');
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = '11px sans-serif';
  context.fillStyle = AXIS;
  const [left, bottom] = [64, 20];
  const columns = cells[0]?.length ?? 0;
  const count = last - first + 1;
  const cell = { width: (width - left) / columns, height: (height - bottom) / count };
  const most = Math.max(...cells.flat(), 1);
  for (let row = first; row <= last; row++) {
    const y = height - bottom - (row - first + 1) * cell.height;
    context.fillStyle = AXIS;
    context.textAlign = 'right';
    const { bound } = buckets[row];
    if (count <= 12 || (row - first) % 2 === 0)
      context.fillText(bound === Infinity ? 'more' : duration(bound), left - 6, y + cell.height / 2 + 4);
    for (let column = 0; column < columns; column++) {
      const share = Math.sqrt(cells[row][column] / most);
      if (share === 0) continue;
      context.fillStyle = `hsl(${35 - 20 * share} 95% ${18 + 47 * share}%)`;
      context.fillRect(left + column * cell.width, y, cell.width - 0.5, cell.height - 1);
    }
  }
  context.fillStyle = AXIS;
  context.textAlign = 'center';
  for (let label = 1; label < 6; label++) {
    const at = Math.floor((label / 6) * columns);
    context.fillText(
      new Date(panel.times[at] * 1000).toISOString().slice(11, 16),
      left + at * cell.width,
      height - 5,
    );
  }
}

const DRAW = { timeseries: drawGraph, stat: drawStat, table: drawTable, heatmap: drawHeatmap };

/** Called by the script with everything that is to be drawn. */
globalThis.draw = (board) => {
  const root = document.querySelector('#board');
  document.querySelector('#title').textContent = board.title;
  document.querySelector('#variables').textContent = board.variables;
  const unit = root.clientWidth / GRID.columns;
  let bottom = 0;
  for (const panel of board.panels) {
    const { x, y, w, h } = panel.gridPos;
    const box = element('section', panel.type === 'row' ? 'row' : 'panel');
    box.style.left = `${x * unit}px`;
    box.style.top = `${y * (GRID.row + GRID.gap)}px`;
    box.style.width = `${w * unit - GRID.gap}px`;
    box.style.height = `${h * (GRID.row + GRID.gap) - GRID.gap}px`;
    bottom = Math.max(bottom, (y + h) * (GRID.row + GRID.gap));
    root.append(box);
    box.append(
      element('h2', '', `${panel.type === 'row' ? (panel.collapsed ? '▸ ' : '▾ ') : ''}${panel.title}`),
    );
    if (panel.type === 'row') continue;
    const body = element('div', `body ${panel.type}`);
    box.append(body);
    DRAW[panel.type](panel, body);
  }
  root.style.height = `${bottom}px`;
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
};
