/**
 * How the routes of one framework are learned. A new framework is a file that exports one of these, and a line in
 * `all-frameworks.ts`.
 */
export interface Framework {
  /** As it reads in a message: `Express`. */
  readonly name: string;
  /** Names under which it is installed. An application that has none of any framework's is left without a hook. */
  readonly packages: readonly string[];
  /** Only for controllers and actions, which the names of prometheus-net ask for. Default false. */
  readonly actionsOnly?: boolean;
  /** For a framework that publishes its instances: nothing is patched then. */
  readonly channel?: FrameworkChannel;
  /**
   * Is given the exports of every package that is loaded by `require`, and patches those of its own. It tells them by their
   * shape, because a package may be installed under any name.
   *
   * @returns true for its own
   */
  readonly patch?: (exports: object) => boolean;
  /** For a framework that is an ESM package, which is loaded when the preload runs. */
  readonly esm?: EsmBuild;
}

export interface FrameworkChannel {
  readonly name: string;
  readonly onMessage: (message: unknown) => void;
}

export interface EsmBuild {
  /** Its name in the application's package.json. */
  readonly packageName: string;
  /** The file of the package whose exports are patched. Default: the one that `import` loads. */
  readonly file?: string;
  /** It also has a CommonJS build, which is patched when a CommonJS application loads it. Default false. */
  readonly dual?: boolean;
  readonly patch: (exports: object) => void;
}
