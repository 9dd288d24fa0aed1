/** Every error code is used, and explained in docs/ERRORS.md with the words of src/errors.ts; no other is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DirectorError, ERROR_CODES } from '../src/errors.ts';

const ROOT = join(import.meta.dirname, '..');

/** Rows `| `CODE` | meaning | what to do |`. */
const documented = new Map(
  [
    ...readFileSync(join(ROOT, 'docs/ERRORS.md'), 'utf8').matchAll(
      /^\| `([A-Z_]+)` \| ([^|]*) \| ([^|]*) \|$/gm,
    ),
  ].map(([, code, meaning, remedy]) => [code!, { meaning: meaning!, remedy: remedy! }]),
);

const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
  .join('\n');
const thrown = new Set([...source.matchAll(/new DirectorError\(\s*'([A-Z_]+)'/g)].map(([, code]) => code));

describe.each(Object.entries(ERROR_CODES))('%s', (code, meaning) => {
  test('is made somewhere', () => expect(thrown).toContain(code));

  test('is documented with its meaning and what to do', () => {
    expect(documented.get(code)?.meaning).toBe(meaning);
    expect(documented.get(code)?.remedy.length).toBeGreaterThan(10);
  });
});

test('nothing else is documented', () => {
  expect([...documented.keys()]).toEqual(Object.keys(ERROR_CODES));
});

test('an error carries its code, its fields and its first cause', () => {
  const cause = new Error('first');
  const error = new DirectorError('NETLINK', 'text', { index: 3 }, cause);
  expect(error).toMatchObject({
    name: 'DirectorError',
    code: 'NETLINK',
    message: 'text',
    fields: { index: 3 },
    cause,
  });
  expect('cause' in new DirectorError('NETLINK', 'text')).toBe(false);
});
