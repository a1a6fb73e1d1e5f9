import type { PackageUse } from '../../source/package-use.js';
import type { MetricMove, Place, Remark } from '../metric-move.js';

/** What the use of a library means for a migration. */
export interface LibraryFindings {
  readonly moves: readonly MetricMove[];
  readonly remarks: readonly Remark[];
  /** Settings that keep our metrics like the old ones: name -> value. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A library that measures, and how its use is read. */
export interface Library {
  readonly title: string;
  /** The packages by which it is recognized; a regular expression stands for many. */
  readonly packages: readonly (string | RegExp)[];
  /**
   * @param uses everything that the application calls of these packages, in the order of files and lines
   * @param packages those of its packages that the application depends on or loads
   */
  analyze(uses: readonly PackageUse[], packages: readonly string[]): LibraryFindings;
}

export function placeOf({ file, line }: PackageUse): Place {
  return { file: file.path, line };
}

export function isOf(library: Library, packageName: string): boolean {
  return library.packages.some((name) =>
    typeof name === 'string' ? name === packageName : name.test(packageName),
  );
}
