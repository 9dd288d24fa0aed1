/** `director top`: its options. ink and React are loaded when it is called for. */
import { type Command, InvalidArgumentError } from 'commander';
import { DirectorError } from '../../errors.ts';
import { asking } from './asking.ts';

const DEFAULT_INTERVAL_SEC = 2;
const MIN_INTERVAL_SEC = 0.2;
const MAX_INTERVAL_SEC = 3600;
/** The daemon answers in milliseconds; one that does not is away. */
const TIMEOUT_MS = 5000;

export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description(
      'watch services and servers: connections, packets and bytes per second, health, drops; drain servers. ? shows the keys',
    )
    .option('--interval <seconds>', 'from one look to the next', seconds, DEFAULT_INTERVAL_SEC)
    .action(async ({ interval }: { interval: number }, command: Command) => {
      const { stdin, stdout, env } = process;
      if (!stdin.isTTY || !stdout.isTTY) {
        throw new DirectorError(
          'OUT_OF_RANGE',
          'director top needs a terminal; director status and diradm -Ln --rate print once',
        );
      }
      env.NODE_ENV ??= 'production'; // else React watches itself
      // There is a terminal, whatever these say; ink would draw nothing.
      for (const name of ['CI', 'CONTINUOUS_INTEGRATION']) if (name in env) env[name] = 'false';
      const { runTop } = await import('./top/session.ts');
      const terminal = { stdin, stdout, hasColors: !env.NO_COLOR };
      await asking(command, (client) => runTop(client, interval * 1000, terminal), TIMEOUT_MS);
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= MIN_INTERVAL_SEC && value <= MAX_INTERVAL_SEC) return value;
  throw new InvalidArgumentError(`expected seconds, ${MIN_INTERVAL_SEC} to ${MAX_INTERVAL_SEC}.`);
}
