/** `director top` in a terminal, at a daemon that is no good: an error leaves the screen as it was, and is seen. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverviewReply } from '../../../../src/control/protocol.ts';
import { Terminal } from '../../../helpers/terminal.ts';
import { type FakeDaemon, fakeDaemon, overview } from './fake-overview.ts';

const MAIN = join(import.meta.dirname, '../../../../src/cli/director/main.ts');
const SOON = { timeout: 20_000, interval: 20 };
const hasTmux = spawnSync('tmux', ['-V']).error === undefined;
if (!hasTmux) console.warn('SKIPPED: director top in a terminal: needs tmux');

let folder: string;
let daemon: FakeDaemon;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'director-top-'));
  daemon = await fakeDaemon(join(folder, 'socket'), overview());
});
afterAll(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

test.skipIf(!hasTmux)('an error ends it, and can be read', { timeout: 60_000 }, async () => {
  const command = [process.execPath, '--import', 'tsx', MAIN, '--socket', join(folder, 'socket'), 'top'];
  const terminal = new Terminal([...command, '--interval', '0.2'], {
    columns: 100,
    rows: 40,
    env: { NO_COLOR: '1' },
  });
  try {
    await expect.poll(() => terminal.screen(), SOON).toContain('by connections/s');
    daemon.answer = { interface: 'of another version' } as unknown as OverviewReply;
    await expect.poll(() => terminal.exitCode, SOON).toBe(1);
    expect(terminal.isAlternateScreen).toBe(false);
    expect(terminal.screen()).toContain('TypeError');
  } finally {
    terminal.close();
  }
});
