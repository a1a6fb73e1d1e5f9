import { anyText, integer } from '../../config/setting-kinds.js';
import { liveView, type LiveView } from '../../live/live-view.js';
import { SlidingWindow } from '../../live/sliding-window.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { ProjectName, ProjectReader, StoreReader } from '../../store/store-reader.js';
import { optional, valued } from '../arguments/flags.js';
import { duration } from '../arguments/kinds.js';
import { type Call, type Command, defineCommand } from '../command.js';
import { projectOf, STORE_SETTINGS, withReader } from '../store/open-reader.js';
import { plainFrame } from '../watch/frame.js';
import { chosenRows, FIRST_STATE, type WatchState } from '../watch/watch-state.js';
import { pause, Watcher } from '../watch/watcher.js';

const FLAGS = {
  interval: valued('time', duration(200, 3_600_000), 2000, 'How often the store is read.', '2s'),
  window: valued(
    'time',
    duration(1000, 3_600_000),
    15_000,
    'Rates and percentiles are over this time.',
    '15s',
  ),
  filter: valued('text', anyText, '', 'Only rows with this text in method or route.'),
  count: optional('number', integer(1, 1_000_000_000), 'Ends after so many views. In a pipe only.'),
};

/** A live view of one project. */
export const watch: Command = defineCommand({
  name: 'watch',
  summary: 'Shows a project live: requests, errors and percentiles by route, instances, loop delay, memory.',
  description:
    'On a terminal, keys sort (r rate, e errors, 5 p50, p p95, 9 p99, n name; the same key again turns it round), / filters, space pauses, arrows scroll, q ends. In a pipe it prints each view, with --json as one line.',
  args: [{ name: 'project', description: 'Default: ORCHESTRATOR_PREFIX', optional: true, isProject: true }],
  flags: FLAGS,
  settings: ['prefix', ...STORE_SETTINGS, 'metricsTtl'],
  examples: [
    { command: 'watch shop', does: 'On a terminal:' },
    { command: 'watch shop --count 2 --json | tail -1', does: 'One view for a script:' },
  ],
  isLasting: true,
  run: (call) =>
    withReader(call, async (reader) => {
      const project = await projectOf(call, reader);
      const { terminal, json, flags, signal } = call;
      const opened = reader.open(project);
      if (json || !terminal.isInteractive || flags.count !== undefined)
        return print(call, project, reader, opened);
      const watcher = new Watcher({
        project: project.prefix,
        store: reader.description,
        reader: opened,
        terminal,
        intervalMs: flags.interval,
        windowMs: flags.window,
        filter: flags.filter,
      });
      return watcher.run(signal);
    }),
});

/** One view after the other, for a pipe. */
async function print(
  { terminal, json, flags, signal }: Call<typeof FLAGS>,
  { prefix }: ProjectName,
  { description }: StoreReader,
  opened: ProjectReader,
): Promise<void> {
  const window = new SlidingWindow<Snapshot>(flags.window);
  const state = { ...FIRST_STATE, filter: flags.filter };
  for (let shown = 0; shown < (flags.count ?? Infinity) && !signal.aborted && !terminal.isGone; shown += 1) {
    if (shown > 0) await pause(flags.interval, signal);
    if (signal.aborted) return;
    const snapshot = await opened.snapshot();
    const { before, seconds } = window.add(snapshot, performance.now());
    const view = liveView(before, snapshot, seconds);
    if (json) await terminal.line(JSON.stringify(asJson(prefix, view, state), orNull));
    else {
      const scene = { project: prefix, store: description, view, state, trouble: undefined };
      await terminal.line(`${shown > 0 ? '\n' : ''}${plainFrame(scene).join('\n')}`);
    }
  }
}

/** What is not known is null, and not missing. */
function orNull(_key: string, value: unknown): unknown {
  return value === undefined ? null : value;
}

function asJson(project: string, view: LiveView, state: WatchState): object {
  return {
    project,
    at: new Date().toISOString(),
    seconds: view.seconds,
    instances: view.instances,
    series: view.series,
    loopDelayP99: view.loopDelayP99,
    memoryBytes: view.memoryBytes,
    cpus: view.cpus,
    total: view.total,
    routes: chosenRows(view.routes, state),
  };
}
