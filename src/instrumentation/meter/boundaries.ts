/** The semantic conventions' buckets for durations of HTTP, in seconds. */
export const HTTP_DURATION_BOUNDARIES: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Powers of four from 256 bytes to 64 MiB. */
export const BYTES_BOUNDARIES: readonly number[] = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power);
