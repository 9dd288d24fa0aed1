/** `director restart`: the daemon begins anew as it is installed now, while what forwards goes on. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { DirectorClient } from '../../control/client.ts';
import { DirectorError } from '../../errors.ts';
import { asking } from './asking.ts';

const LOOK_MS = 50;
/** The stop steps of the daemon, and its start. */
const BACK_WITHIN_MS = 60_000;

export function addRestartCommand(program: Command): void {
  program
    .command('restart')
    .description('begin anew, as installed now: an upgrade; forwarding goes on, with all connections')
    .action((_options: object, command: Command) =>
      asking(command, async (client) => {
        await client.restart();
        await becomes(client, false);
        await becomes(client, true);
      }),
    );
}

/** Resolves when the daemon answers, or does not. */
async function becomes(client: DirectorClient, isThere: boolean): Promise<void> {
  const deadlineMs = performance.now() + BACK_WITHIN_MS;
  while ((await answers(client)) !== isThere) {
    if (performance.now() > deadlineMs)
      throw new DirectorError(
        'DAEMON_UNREACHABLE',
        'the director has not come back, its log says why; forwarding goes on without it: director run takes it over',
      );
    await pause(LOOK_MS);
  }
}

const answers = (client: DirectorClient): Promise<boolean> =>
  client.readStatus().then(
    () => true,
    () => false,
  );
