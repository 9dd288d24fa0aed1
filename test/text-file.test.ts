/** Files that cannot be read are named, with why. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readTextFile } from '../src/text-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'text-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file is read whole', () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'Grüße\n');
  expect(readTextFile(path, 'CONFIG_FILE')).toBe('Grüße\n');
});

test.each([
  ['none', 'there is no such file'],
  ['.', 'it is a directory'],
])('%s cannot be read: %s', (name, why) => {
  const path = join(folder, name);
  expect(() => readTextFile(path, 'RULES_FILE')).toThrow(
    expect.objectContaining({ code: 'RULES_FILE', message: `cannot read ${path}: ${why}`, fields: { path } }),
  );
});
