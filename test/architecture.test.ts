/**
 * Who imports whom under src/. A folder that is not in the table, an arrow that is not allowed, a value taken over an
 * arrow that is for types: each fails with the file and the arrow. Changed together with docs/ARCHITECTURE.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../src');

/** `types`: by `import type` only. A name may be of a folder, or of one file in it. */
interface Arrows {
  readonly values: readonly string[];
  readonly types?: readonly string[];
  /** By import() only, from these files only. */
  readonly dynamic?: Readonly<Record<string, readonly string[]>>;
}

/** The files that belong to no folder; `wire` needs none of them. */
const ROOT_FILES = [
  'beat.ts',
  'clock.ts',
  'errors.ts',
  'log.ts',
  'package-root.ts',
  'text-file.ts',
  'version.ts',
];

const ALLOWED: Readonly<Record<string, Arrows>> = {
  wire: { values: [] },
  service: { values: ['wire', ...ROOT_FILES] },
  schedule: { values: ['wire', ...ROOT_FILES], types: ['service'] },
  connection: { values: ['wire', ...ROOT_FILES], types: ['service', 'control/protocol.ts'] },
  engine: { values: ['wire', 'host/native.ts', ...ROOT_FILES] },
  datapath: {
    values: ['wire', 'service', 'connection', 'schedule/load.ts', ...ROOT_FILES],
    types: ['engine'],
  },
  explain: {
    values: ['wire', 'service', 'connection', 'schedule', 'datapath', ...ROOT_FILES],
    types: ['engine', 'control'],
  },
  'capture-file': { values: ROOT_FILES },
  replay: {
    values: [
      'wire',
      'service',
      'datapath',
      'worker/session.ts',
      'capture-file',
      'control/endpoint.ts',
      'daemon/rules-file.ts',
      'daemon/config-file.ts',
      'cli/director/table.ts',
      ...ROOT_FILES,
    ],
    types: ['worker'],
  },
  host: { values: ['wire', ...ROOT_FILES], types: ['service'] },
  capture: { values: ['wire', 'service', 'datapath', ...ROOT_FILES], types: ['control'] },
  xdp: {
    values: [
      'wire',
      'service',
      'connection',
      'schedule',
      'datapath',
      'capture',
      'explain/take-excerpt.ts',
      'host',
      ...ROOT_FILES,
    ],
    types: ['control', 'worker', 'explain'],
  },
  health: { values: ['wire', 'host', ...ROOT_FILES], types: ['service'] },
  control: {
    values: ['wire', 'service', 'schedule/registry.ts', 'health/schema.ts', ...ROOT_FILES],
    types: ['health'],
  },
  observe: {
    values: ['wire', 'service', 'control/endpoint.ts', 'datapath/verdict.ts', ...ROOT_FILES],
    types: ['control'],
  },
  doctor: {
    values: ['wire', 'service', 'host', 'engine/open-interface.ts', ...ROOT_FILES],
    types: ['control'],
  },
  worker: {
    values: [
      'wire',
      'service',
      'connection',
      'schedule',
      'datapath',
      'capture',
      'explain/take-excerpt.ts',
      'engine',
      'xdp',
      'host',
      ...ROOT_FILES,
    ],
    types: ['control', 'explain'],
  },
  daemon: {
    values: [
      'wire',
      'service',
      'connection',
      'schedule',
      'datapath',
      'capture',
      'capture-file',
      'explain',
      'engine',
      'host',
      'control',
      'worker',
      'xdp',
      'health',
      'observe',
      'cli',
      ...ROOT_FILES,
    ],
  },
  cli: {
    values: [
      'control/client.ts',
      'control/endpoint.ts',
      'control/protocol.ts',
      'wire',
      'capture-file',
      'connection/connection-table.ts',
      ...ROOT_FILES,
    ],
    types: ['service', 'health', 'replay', 'doctor'],
    dynamic: {
      'cli/director/run.ts': ['daemon/start.ts'],
      'cli/director/replay.ts': ['replay/replay-file.ts'],
      'cli/director/explain.ts': ['daemon/explain-file.ts'],
      'cli/director/doctor.ts': ['doctor/doctor.ts'],
    },
  },
  /** Runs in the browser, so nothing of the rest comes with it. */
  web: { values: [], types: ['control/protocol.ts', 'service/model.ts'] },
  ...Object.fromEntries(ROOT_FILES.map((file) => [file, { values: ROOT_FILES }])),
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly kind: 'values' | 'types' | 'dynamic';
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const imports = sources.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = (specifier: string, kind: Import['kind']): Import[] =>
    specifier.startsWith('.')
      ? [{ file, target: relative(SRC, normalize(join(SRC, dirname(file), specifier))), kind }]
      : [];
  const clauses = [...text.matchAll(/^(?:import|export)\s+(type\s+)?([^;'"]*?)\s*from\s+'([^']+)'/gm)];
  return [
    ...clauses.flatMap(([, type, names, specifier]) =>
      found(specifier!, type !== undefined || namesTypesOnly(names!) ? 'types' : 'values'),
    ),
    ...[...text.matchAll(/^import\s+'([^']+)'/gm)].flatMap(([, specifier]) => found(specifier!, 'values')),
    ...[...text.matchAll(/\bimport\(\s*'([^']+)'/g)].flatMap(([, specifier]) => found(specifier!, 'dynamic')),
  ];
}

function namesTypesOnly(names: string): boolean {
  const listed = /^\{([^}]+)\}$/
    .exec(names)?.[1]
    ?.split(',')
    .map((name) => name.trim()) ?? [''];
  return listed.every((name, index) => name.startsWith('type ') || (name === '' && index > 0));
}

const folderOf = (file: string): string => file.split('/')[0]!;

const covers = (allowed: readonly string[] | undefined, target: string): boolean =>
  allowed?.some((name) => target === name || target.startsWith(`${name}/`)) ?? false;

/** Undefined: it may. */
function objection({ file, target, kind }: Import): string | undefined {
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === to) return undefined;
  const allowed = ALLOWED[from];
  if (allowed === undefined) return `${file}: the folder ${from} is not in the table of this test`;
  if (covers(allowed.values, target)) return undefined;
  if (kind === 'dynamic' && covers(allowed.dynamic?.[file], target)) return undefined;
  if (covers(allowed.types, target))
    return kind === 'types' ? undefined : `${file} -> ${target}: ${from} may take types only from ${to}`;
  return `${file} -> ${target}: no arrow goes from ${from} to it`;
}

describe('imports under src/', () => {
  test('are found: several hundred, of every kind', () => {
    const kinds = new Set(imports.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['dynamic', 'types', 'values']);
    expect(imports.length).toBeGreaterThan(200);
  });

  test.each(sources.map((file) => [file]))('%s', (file) => {
    const objections = imports.filter((each) => each.file === file).map(objection);
    expect(objections.filter((each) => each !== undefined)).toEqual([]);
  });

  test('name files that exist', () => {
    const known = new Set(sources);
    expect(imports.filter(({ target }) => !known.has(target))).toEqual([]);
  });

  test('of values go round in no circle', () => {
    const targets = new Map<string, string[]>();
    for (const { file, target, kind } of imports)
      if (kind === 'values') targets.set(file, [...(targets.get(file) ?? []), target]);
    expect(circlesIn(targets)).toEqual([]);
  });
});

function circlesIn(targets: ReadonlyMap<string, readonly string[]>): string[] {
  const finished = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    if (finished.has(file) || trail.includes(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file]);
    finished.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return circles;
}
