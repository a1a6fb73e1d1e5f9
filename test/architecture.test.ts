import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  FLOORS,
  KNOWN_CIRCLES,
  LIMITS,
  LONG_FILES,
  RESERVED,
  type Reserved,
} from '../scripts/architecture.js';
import { parseSource, sourceFile, sourceFiles, type SourceFile } from './helpers/source.js';

const SOURCE = [...sourceFiles('src'), sourceFile('register.ts')];

/** Each finds what is wrong with some files, in words. */
const RULES: Readonly<Record<string, (files: readonly SourceFile[]) => string[]>> = {
  'imports point downward': arrowsUp,
  'nothing goes in a circle': circles,
  'what is reserved stays in its place': trespasses,
  'the process is only known by its properties': processObjects,
  'folders and files are small': sizes,
};

/** The room of a file of ours; undefined for what is no file of `src`. */
function roomOf(path: string): string | undefined {
  return /^src\/(?<room>[^/]+)/.exec(path)?.groups?.['room'];
}

function floorOf(room: string): number {
  return FLOORS.findIndex((floor) => room in floor);
}

function arrowsUp(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, imports }) => {
    const from = roomOf(path);
    if (from === undefined) return [];
    if (floorOf(from) === -1) return [`${path}: ${from} stands on no floor`];
    return imports.flatMap((target) => {
      const to = roomOf(target);
      return to === undefined || to === from || floorOf(to) > floorOf(from)
        ? []
        : [`${path} imports ${target}`];
    });
  });
}

/** In each folder its files and its sub-folders, each of them seen as one, must form no circle. */
function circles(files: readonly SourceFile[]): string[] {
  const graphs = new Map<string, Map<string, Set<string>>>();
  for (const { path, imports } of files) {
    for (const target of imports) {
      if (!target.startsWith('src/') || target === path) continue;
      const [folder, from, to] = whereTheyPart(path, target);
      const graph = graphs.get(folder) ?? new Map<string, Set<string>>();
      graphs.set(folder, graph.set(from, (graph.get(from) ?? new Set()).add(to)));
    }
  }
  return [...graphs].flatMap(([folder, graph]) =>
    [...graph.keys()]
      .filter((node) => reachable(graph, node).has(node))
      .map((node) => {
        const back = [...reachable(graph, node)].filter((other) => reachable(graph, other).has(node));
        return [...back]
          .map((name) => `${folder}/${name}`)
          .toSorted()
          .join(' <-> ');
      }),
  );
}

/** The deepest folder that has both, and the two children of it in which they are. */
function whereTheyPart(path: string, target: string): [folder: string, from: string, to: string] {
  const [a, b] = [path.split('/'), target.split('/')];
  let depth = 0;
  while (depth < a.length - 1 && a[depth] === b[depth]) depth += 1;
  return [a.slice(0, depth).join('/'), a[depth] ?? '', b[depth] ?? ''];
}

function reachable(graph: ReadonlyMap<string, ReadonlySet<string>>, from: string): Set<string> {
  const found = new Set<string>();
  const next = [...(graph.get(from) ?? [])];
  for (let node = next.pop(); node !== undefined; node = next.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    next.push(...(graph.get(node) ?? []));
  }
  return found;
}

function trespasses(files: readonly SourceFile[]): string[] {
  return RESERVED.flatMap((reserved) =>
    files
      .filter(({ path }) => !Object.keys(reserved.places).some((place) => path.startsWith(place)))
      .flatMap((file) => uses(file, reserved).map((use) => `${file.path} touches ${use}`)),
  );
}

function uses(file: SourceFile, { imports, ofProcess }: Reserved): string[] {
  return [
    ...file.imports.filter((name) => imports?.test(name) === true),
    ...file.ofProcess.filter((name) => name !== undefined).filter((name) => ofProcess?.test(name) === true),
  ];
}

/** Who hands `process` on, or gives it another name, could do anything with it behind the back of the rules. */
function processObjects(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path !== 'src/start/lifecycle/signal-listeners.ts')
    .filter((file) => file.ofProcess.includes(undefined))
    .map(({ path }) => `${path} uses process as a whole`);
}

function sizes(files: readonly SourceFile[]): string[] {
  const folders = new Map<string, number>();
  for (const { path } of files) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
  }
  const crowded = [...folders]
    .filter(([folder, count]) => count > (folder === 'src' ? LIMITS.filesOfRoot : LIMITS.filesOfFolder))
    .map(([folder, count]) => `${folder} has ${count} files`);
  const long = files
    .filter(({ path, text }) => !(path in LONG_FILES) && linesOf(text) > LIMITS.linesOfFile)
    .map(({ path, text }) => `${path} has ${linesOf(text)} lines`);
  return [...crowded, ...long];
}

function linesOf(text: string): number {
  return text.trimEnd().split('\n').length;
}

describe('the source', () => {
  for (const [rule, problems] of Object.entries(RULES)) {
    test(rule, () => {
      const found = [...new Set(problems(SOURCE))].filter((problem) => !(problem in KNOWN_CIRCLES));
      assert.deepEqual(found, []);
    });
  }
});

type Violation = readonly [files: Readonly<Record<string, string>>, said: RegExp];

const one = (path: string, text: string, said: RegExp): Violation => [{ [path]: text }, said];
const many = (folder: string, count: number, said: RegExp): Violation => [
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${folder}/${n}.ts`, ''])),
  said,
];

/** Files that break a rule, and what is said about them. */
const VIOLATIONS: Readonly<Record<keyof typeof RULES, readonly Violation[]>> = {
  'imports point downward': [
    one('src/model/x.ts', "import { y } from '../start/start.js';", /imports src\/start\/start\.ts/),
    one('src/model/x.ts', "import type { Y } from '../store/metric-store.js';", /imports src\/store/),
    one('src/errors.ts', "const y = require('./log.js') as Y;", /imports src\/log\.ts/),
    one('src/reader/x.ts', "export { y } from '../prometheus/y.js';", /imports src\/prometheus/),
    one('src/store/x.ts', "const y = await import('../server/y.js');", /imports src\/server/),
    one('src/store/x.ts', "let y: import('../server/y.js').Y;", /imports src\/server/),
    one('src/attic/x.ts', '', /attic stands on no floor/),
  ],
  'nothing goes in a circle': [
    one('src/model/series.ts', "import type { Y } from './snapshot.js';", /series\.ts <-> .*\/snapshot\.ts/),
    one('src/store/state/x.ts', "import '../memory/memory-store.js';", /store\/memory <-> src\/store\/state/),
  ],
  'what is reserved stays in its place': [
    one('src/log.ts', "process.env['DEBUG'];", /log\.ts touches env/),
    one('src/log.ts', 'const { env } = process;', /touches env/),
    one('src/log.ts', "import { env } from 'node:process';", /touches env/),
    one('src/server/x.ts', "process.once('exit', () => {});", /touches once/),
    one('src/server/x.ts', "globalThis.process?.kill(1, 'SIGTERM');", /touches kill/),
    one('src/start/x.ts', "import { execFile } from 'node:child_process';", /touches child_process/),
    one('src/store/x.ts', "require('child_process').execSync('ls');", /touches child_process/),
    one('src/start/x.ts', "import type { Redis } from 'ioredis';", /touches ioredis/),
    one('src/store/x.ts', "import { Y } from '@opentelemetry/sdk-metrics';", /touches @opentelemetry\/sdk-m/),
    one('src/glob.ts', "require.resolve('@opentelemetry/sdk-node');", /touches @opentelemetry\/sdk-n/),
    one('src/store/x.ts', "import { get } from 'node:https';", /touches https/),
    one('src/reader/x.ts', "import '../store/redis/redis-store.js';", /touches src\/store\/redis/),
  ],
  'the process is only known by its properties': [
    one('src/server/x.ts', "once(process, 'exit');", /as a whole/),
    one('src/server/x.ts', "process[name]('exit');", /as a whole/),
    one('src/server/x.ts', "import process from 'node:process';", /as a whole/),
  ],
  'folders and files are small': [
    one('src/server/x.ts', 'x();\n'.repeat(251), /x\.ts has 251 lines/),
    many('src/attic', 17, /attic has 17 files/),
    many('src', 9, /^src has \d+ files/),
  ],
};

describe('a violation is found:', () => {
  for (const [rule, problems] of Object.entries(RULES)) {
    test(rule, () => {
      const before = new Set(problems(SOURCE));
      for (const [planted, said] of VIOLATIONS[rule] ?? []) {
        const added = Object.entries(planted).map(([path, text]) => parseSource(path, text));
        const found = problems([...SOURCE.filter(({ path }) => !(path in planted)), ...added]);
        assert.ok(
          found.some((problem) => !before.has(problem) && said.test(problem)),
          `${JSON.stringify(planted).slice(0, 200)} -> ${found.join(', ')}`,
        );
      }
    });
  }
});

describe('the data', () => {
  test('name only rooms that there are', () => {
    const rooms = new Set(SOURCE.map(({ path }) => roomOf(path)));
    assert.deepEqual(
      FLOORS.flatMap((floor) => Object.keys(floor)).filter((room) => !rooms.has(room)),
      [],
    );
  });

  test('allow nothing that is not needed any more', () => {
    const needless = RESERVED.flatMap((reserved) =>
      Object.keys(reserved.places)
        .filter(
          (place) => !SOURCE.some((file) => file.path.startsWith(place) && uses(file, reserved).length > 0),
        )
        .map((place) => `${reserved.what}: ${place}`),
    );
    const short = Object.keys(LONG_FILES).filter((path) => {
      const file = SOURCE.find((known) => known.path === path);
      return file === undefined || linesOf(file.text) <= LIMITS.linesOfFile;
    });
    const straight = Object.keys(KNOWN_CIRCLES).filter((circle) => !circles(SOURCE).includes(circle));
    assert.deepEqual([...needless, ...short, ...straight], []);
  });
});
