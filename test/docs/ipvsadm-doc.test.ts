/** docs/IPVSADM.md leaves nothing out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTIONS } from '../../src/cli/diradm/option-table.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/service/settings.ts';

const rows = readFileSync(join(import.meta.dirname, '../../docs/IPVSADM.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'));

describe('docs/IPVSADM.md has a row for', () => {
  test.each(OPTIONS.map(({ long, short }) => [long, short] as const))('--%s', (long, short) => {
    const row = rows.find((line) => line.startsWith(`| \`--${long}\` |`));
    expect(row).toBeDefined();
    if (short !== undefined) expect(row!.split('|')[2]).toContain(`\`-${short}\``);
  });

  test.each(SETTING_NAMES)('the setting %s, with its default', (name) => {
    expect(
      rows.filter((line) => line.startsWith(`| \`${name}\` | ${SETTINGS[name].default} |`)),
    ).toHaveLength(1);
  });
});

test('it names no option that there is not', () => {
  const documented = rows.flatMap((line) => /^\| `--([\w-]+)` \|/.exec(line)?.[1] ?? []);
  const known = new Set(OPTIONS.map(({ long }) => long));
  expect(documented.filter((long) => !known.has(long))).toEqual([]);
});
