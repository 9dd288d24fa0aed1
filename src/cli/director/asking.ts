/** How a subcommand gets to the daemon: with a client that is closed afterwards. */
import type { Command } from 'commander';
import { createClient, type DirectorClient } from '../../control/client.ts';
import { DirectorError } from '../../errors.ts';
import type { Edit } from '../../service/model.ts';

export async function asking(
  command: Command,
  ask: (client: DirectorClient) => Promise<void>,
  timeoutMs?: number,
): Promise<void> {
  const client = createClient({
    socketPath: command.optsWithGlobals().socket,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  try {
    await ask(client);
  } finally {
    client.close();
  }
}

/** One edit, whose refusal is an error. */
export async function applyEdit(client: DirectorClient, edit: Edit): Promise<void> {
  const [error] = await client.applyEdits([edit]);
  if (error != null) throw new DirectorError(error.code, error.message);
}
