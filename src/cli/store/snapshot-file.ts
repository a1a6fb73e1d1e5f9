import { readFile } from 'node:fs/promises';

import { reason } from '../../errors.js';
import { type Family, familyKey } from '../../model/family.js';
import { type Attributes, makeScope, makeSeries, type Scope } from '../../model/series.js';
import type { Snapshot, SnapshotFamily } from '../../model/snapshot.js';
import type { ProjectName } from '../../store/store-reader.js';
import { CommandError } from '../exit-codes.js';

/** What `snapshot --json` prints, and `diff` reads. Numbers that JSON does not have are texts: "NaN", "Infinity". */
export interface SnapshotFile {
  readonly kind: 'orchestrator-snapshot';
  readonly version: 1;
  readonly project: string;
  readonly name: string;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly instances: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly families: readonly FileFamily[];
}

interface FileFamily extends Omit<Family, 'key'> {
  readonly series: readonly FileSeries[];
}

interface FileSeries {
  readonly scope?: Scope;
  readonly attributes: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly values: ReadonlyArray<number | string>;
}

/** A snapshot with its project and its time, from a store or from a file. */
export interface TakenSnapshot extends ProjectName {
  readonly snapshot: Snapshot;
  readonly takenAtMs: number;
}

export function toFile({ prefix, project, snapshot, takenAtMs }: TakenSnapshot): SnapshotFile {
  return {
    kind: 'orchestrator-snapshot',
    version: 1,
    project: prefix,
    name: project,
    takenAt: new Date(takenAtMs).toISOString(),
    instances: snapshot.instances,
    resource: Object.fromEntries(snapshot.resource),
    families: snapshot.families.map(({ family: { key: _key, ...family }, series }) => ({
      ...family,
      series: series.map(({ series: { scope, attributes }, startMs, values }) => ({
        ...(scope.name !== '' && { scope }),
        attributes: Object.fromEntries(attributes),
        startMs,
        values: Array.from(values, (value) => (Number.isFinite(value) ? value : String(value))),
      })),
    })),
  };
}

/** Throws a CommandError for a file that is not there, or that `snapshot --json` did not write. */
export async function readSnapshotFile(path: string): Promise<TakenSnapshot> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandError('noInput', `${path} cannot be read: ${reason(error)}.`);
  }
  try {
    return fromFile(JSON.parse(text) as SnapshotFile);
  } catch (error) {
    const made = 'It has to be written by "orchestrator snapshot <project> --json".';
    throw new CommandError('data', `${path} is no snapshot: ${reason(error)}. ${made}`);
  }
}

function fromFile(file: SnapshotFile): TakenSnapshot {
  const { kind, version, project, name, takenAt, instances, resource, families } = file;
  if ((kind as unknown) !== 'orchestrator-snapshot' || (version as unknown) !== 1)
    throw new RangeError('another kind of file');
  const takenAtMs = Date.parse(takenAt);
  if (Number.isNaN(takenAtMs) || !Array.isArray(families)) throw new RangeError('parts of it are missing');
  return {
    prefix: project,
    project: name,
    takenAtMs,
    snapshot: { resource: Object.entries(resource), instances, families: families.map(familyOf) },
  };
}

function familyOf({ series, ...described }: FileFamily): SnapshotFamily {
  const family: Family = { ...described, key: familyKey(described) };
  return {
    family,
    series: series.map(({ scope, attributes, startMs, values }) => ({
      series: makeSeries(scope ?? makeScope('', null, null, []), sortedAttributes(attributes)),
      startMs,
      values: values.map(Number),
    })),
  };
}

function sortedAttributes(attributes: Readonly<Record<string, string>>): Attributes {
  return Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
