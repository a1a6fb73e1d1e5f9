/** Told what a guarded instrument had to refuse or to mend. Whoever counts says each kind once. */
export interface ObservationLosses {
  /** One observation of `metric` is not counted. */
  drop(metric: string, why: string): void;
  /** One text of `metric` was too long. @param key of the attribute whose value it is; undefined for other texts */
  cut(metric: string, key: string | undefined): void;
  /** What is given as the boundaries of `metric` had to be mended. */
  mended(metric: string, given: readonly unknown[], used: readonly number[]): void;
}

export const SILENT_LOSSES: ObservationLosses = {
  drop: () => undefined,
  cut: () => undefined,
  mended: () => undefined,
};
