/** `director replay`: its options. The path and all that runs it are loaded when it is called for. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONNECTION_TABLE_SIZE, MAX_CONNECTIONS } from '../../connection/connection-table.ts';
import { DirectorError } from '../../errors.ts';
import type { ReplayFileOptions } from '../../replay/replay-file.ts';
import { canonicalIp, parseMac } from '../../wire/address.ts';
import { upTo } from './up-to.ts';

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description(
      'run a capture file through the packet path, offline and by its own clock: what each frame would have met, and who would have had it',
    )
    .argument('<file>', 'pcap or pcapng of Ethernet, also with gzip; - for standard input')
    .option('--rules <file>', 'services as ipvsadm-save writes them')
    .addOption(
      new Option('--config <file>', 'services as director run takes them with --config').conflicts('rules'),
    )
    .option('-w, --write <file>', 'capture file of what would have been sent; pcapng if its name ends so')
    .option('--as <mac>', "the director's MAC address in the capture; by default found in it", mac)
    .addOption(
      new Option('--server-mac <address=mac>', 'MAC address of a real server; may be repeated')
        .argParser(serverMac)
        .default(new Map<string, string>(), 'a placeholder'),
    )
    .option(
      '--compare <schedulers>',
      'run it with each of these schedulers for all services, such as rr,wlc; with one alone beside what is configured',
      names,
    )
    .option('--html <file>', 'report with a picture of the balance over time')
    .addOption(
      new Option('--packets', 'a line for each frame instead of the summary').conflicts(['compare', 'html']),
    )
    .option('--json', 'the summary, or each line, as JSON')
    .option(
      '--conn-table-size <n>',
      'connections remembered at most',
      upTo(MAX_CONNECTIONS),
      DEFAULT_CONNECTION_TABLE_SIZE,
    )
    .action(replay);
}

async function replay(file: string, options: ReplayFileOptions): Promise<void> {
  const { replayFile } = await import('../../replay/replay-file.ts');
  try {
    await replayFile(file, options, process.stdout);
  } catch (error) {
    // Whoever reads the lines has enough of them, such as head.
    const cause = error instanceof DirectorError ? (error.cause as NodeJS.ErrnoException) : undefined;
    if (cause?.code !== 'EPIPE') throw error;
  }
}

function mac(text: string): string {
  if (parseMac(text) !== undefined) return text.toLowerCase();
  throw new InvalidArgumentError('expected a MAC address, such as 02:00:ac:1a:14:6f.');
}

function serverMac(text: string, given: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, address = '', hex = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const ip = canonicalIp(address);
  if (ip === undefined || parseMac(hex) === undefined)
    throw new InvalidArgumentError('expected ADDRESS=MAC, such as 10.0.0.11=02:00:0a:00:00:0b.');
  return new Map([...given, [ip, hex.toLowerCase()]]);
}

function names(text: string): string[] {
  const list = text.split(',');
  if (new Set(list).size === list.length && !list.includes('')) return list;
  throw new InvalidArgumentError('expected names of schedulers, each once, such as rr,wlc.');
}
