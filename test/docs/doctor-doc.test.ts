/** docs/DOCTOR.md has every finding of src/doctor, in its words, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../src/doctor/checks.ts';

const ROOT = join(import.meta.dirname, '../..');
const TESTED = ['lab', 'unit'];

const rows = new Map(
  readFileSync(join(ROOT, 'docs/DOCTOR.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| `[a-z-]+` \| `[a-z-]+` \|/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, id, check, severity, on, meaning, tested]) => [
      id!.replaceAll('`', ''),
      { check: check!.replaceAll('`', ''), severity, on, meaning, tested: tested! },
    ]),
);
const kinds = CHECKS.flatMap(({ name, on, finds }) =>
  Object.entries(finds).map(([id, kind]) => ({ id, name, on, ...kind })),
);

describe('docs/DOCTOR.md', () => {
  test.each(kinds.map((kind) => [kind.id, kind] as const))('%s', (id, { name, severity, on, meaning }) => {
    expect(rows.get(id)).toMatchObject({ check: name, severity, on: on.join(', '), meaning });
  });

  test('names them in the order in which they are told', () => {
    expect([...rows.keys()]).toEqual(kinds.map(({ id }) => id));
  });

  test('what is tested in the lab is in the test of the lab, and what is not is not', () => {
    const lab = readFileSync(join(ROOT, 'test/netns/doctor.test.ts'), 'utf8');
    for (const [id, { tested }] of rows) {
      expect(TESTED).toContain(tested.split(/[,:]/)[0]);
      expect({ id, isThere: lab.includes(`'${id}'`) }).toEqual({ id, isThere: tested.startsWith('lab') });
    }
  });
});

test('a finding has one check', () => {
  expect(new Set(kinds.map(({ id }) => id)).size).toBe(kinds.length);
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
});
