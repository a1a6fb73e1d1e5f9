import { MultiBar, Presets, type SingleBar } from 'cli-progress';

import type { Progress } from '../workflow/wait-until-empty.js';

/** A bar for each queue that a run waits for. */
export function progressBars(): { readonly show: (progress: Progress) => void; readonly stop: () => void } {
  const bars = new MultiBar(
    {
      format: '{queue} |{bar}| {value}/{total}  {ready} ready, {hand} in hand, {consumers} workers',
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  const known = new Map<string, SingleBar>();
  return {
    show({ queue, depth, items }) {
      const total = items.done + items.dead + items.queued;
      const finished = items.done + items.dead;
      const words = {
        queue: queue.padEnd(32),
        ready: depth.ready,
        hand: depth.unacknowledged ?? items.queued - depth.ready,
        consumers: depth.consumers,
      };
      let bar = known.get(queue);
      if (bar === undefined) {
        bar = bars.create(total, finished, words);
        known.set(queue, bar);
      }
      bar.setTotal(total);
      bar.update(finished, words);
    },
    stop: () => bars.stop(),
  };
}
