import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** The parts of a dashboard's JSON that tests look at; the schema says that they are as they should be. */
export interface BoardJson {
  readonly uid: string;
  readonly title: string;
  readonly editable: boolean;
  readonly panels: readonly PanelJson[];
  readonly links: ReadonlyArray<{ readonly url?: string }>;
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly annotations: { readonly list: ReadonlyArray<{ readonly name: string; readonly expr: string }> };
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid?: string };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly custom?: unknown };
    readonly overrides: ReadonlyArray<{
      readonly properties: ReadonlyArray<{ id: string; value?: unknown }>;
    }>;
  };
  readonly links?: ReadonlyArray<{ readonly url: string }>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly targets?: readonly TargetJson[];
  readonly transformations?: readonly TransformationJson[];
  /** Of a folded row. */
  readonly panels?: readonly PanelJson[];
}

export interface TargetJson {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly format?: string;
  readonly datasource?: { readonly uid?: string };
}

export interface TransformationJson {
  readonly id: string;
  readonly options: {
    readonly renameByName?: Readonly<Record<string, string>>;
    readonly indexByName?: Readonly<Record<string, number>>;
  };
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly query: string;
  readonly multi: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
  readonly datasource?: { readonly uid?: string };
}

/** Where the committed dashboards are. */
export const BOARD_FOLDER: string = join(PACKAGE_ROOT, 'dashboards', 'json');

/** The committed dashboards by the name of their file, without `.json`. */
export function readBoards(): Map<string, BoardJson> {
  const files = readdirSync(BOARD_FOLDER).filter((file) => file.endsWith('.json'));
  return new Map(
    files.map((file) => [
      file.slice(0, -'.json'.length),
      JSON.parse(readFileSync(join(BOARD_FOLDER, file), 'utf8')) as BoardJson,
    ]),
  );
}

/** Every panel that shows data, those of folded rows too. */
export function panelsOf(board: BoardJson): PanelJson[] {
  return board.panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]));
}

/** What Grafana would put in place of the variables of a query. */
export function substitute(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{?(\w+)\}?/g, (whole, name: string) => values[name] ?? whole);
}

/** Variables of a board for all projects and processes. The ranges differ from use to use. */
export const EVERYTHING: Readonly<Record<string, string>> = {
  job: '.+',
  instance: '.+',
  route: '.*',
  method: '.+',
  host: '.+',
  job_name: '.+',
};
