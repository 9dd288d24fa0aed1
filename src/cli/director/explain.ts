/** `director explain`: which packet is meant, and who is asked about it: the running director, or a file. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseEndpoint } from '../../control/endpoint.ts';
import type { ExplainReply, ExplainRequest, SctpChunkName, TcpFlagName } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import type { ServerAddress } from '../../service/model.ts';
import { asking } from './asking.ts';

const FLAGS: readonly TcpFlagName[] = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg'];
const CHUNKS: readonly SctpChunkName[] = [
  'data',
  'init',
  'sack',
  'heartbeat',
  'abort',
  'shutdown',
  'shutdown-ack',
  'cookie-echo',
  'shutdown-complete',
];
const MIN_FRAME_BYTES = 14;

interface Options {
  readonly from?: ServerAddress;
  readonly to?: ServerAddress;
  readonly tcp?: readonly TcpFlagName[];
  readonly udp?: boolean;
  readonly sctp?: SctpChunkName;
  readonly frame?: string;
  readonly pcap?: string;
  readonly packet?: number;
  readonly rules?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description(
      'say step by step what would become of a packet now, and why; nothing changes by that. The packet is made up (--from, --to), or given (--frame), or from a capture file (--pcap, --packet)',
    )
    .option('--from <address:port>', 'client, such as 192.0.2.1:40000 or [2001:db8::1]:40000', endpoint)
    .option('--to <address:port>', 'virtual address and port', endpoint)
    .option('--tcp <flags>', `TCP with these flags, such as syn or fin,ack (the default: syn)`, flags)
    .addOption(new Option('--udp', 'UDP').conflicts('tcp'))
    .addOption(
      new Option('--sctp <chunk>', 'SCTP with this chunk, such as init')
        .argParser(chunk)
        .conflicts(['tcp', 'udp']),
    )
    .addOption(
      new Option('--frame <hex>', 'a whole Ethernet frame; colons and blanks may stand between bytes')
        .argParser(hexFrame)
        .conflicts(['from', 'to', 'tcp', 'udp', 'sctp']),
    )
    .addOption(
      new Option('--pcap <file>', 'a capture file: pcap or pcapng, also with gzip').conflicts([
        'from',
        'to',
        'tcp',
        'udp',
        'sctp',
        'frame',
      ]),
    )
    .option('--packet <number>', 'which packet of the capture file; the first is 1', packetNumber)
    .option(
      '--rules <file>',
      'ask nobody: a director that has just begun with this file, as ipvsadm-save writes it',
    )
    .addOption(
      new Option('--config <file>', 'likewise, with a file as director run --config takes it').conflicts(
        'rules',
      ),
    )
    .option('--json', 'as the control socket tells it')
    .action(explain);
}

async function explain(options: Options, command: Command): Promise<void> {
  const request = await requestOf(options);
  const { rules, config } = options;
  if (rules === undefined && config === undefined) {
    await asking(command, async (client) => print(await client.explain(request), options));
    return;
  }
  const { explainByFile } = await import('../../daemon/explain-file.ts');
  await print(await explainByFile(options, request), options);
}

async function print(reply: ExplainReply, { json = false }: Options): Promise<void> {
  if (json) {
    console.log(JSON.stringify(reply, null, 2));
    return;
  }
  const { renderExplanation } = await import('./render-explanation.ts');
  console.log(renderExplanation(reply, process.stdout.isTTY ? process.stdout.columns : undefined));
}

async function requestOf({
  from,
  to,
  tcp,
  udp,
  sctp,
  frame,
  pcap,
  packet,
}: Options): Promise<ExplainRequest> {
  if (packet !== undefined && pcap === undefined)
    throw new DirectorError('OUT_OF_RANGE', `packet ${packet} of which file? name it with --pcap`);
  if (frame !== undefined) return { frame };
  if (pcap !== undefined) {
    const { readPacket } = await import('./packet-of-capture.ts');
    return { frame: await readPacket(pcap, packet ?? 1) };
  }
  if (from === undefined || to === undefined)
    throw new DirectorError('OUT_OF_RANGE', 'which packet? name it with --from and --to, --frame, or --pcap');
  if (from.address.includes(':') !== to.address.includes(':'))
    throw new DirectorError(
      'OUT_OF_RANGE',
      `--from ${from.address} and --to ${to.address} are of different IP versions`,
    );
  if (udp === true) return { protocol: 'udp', from, to };
  if (sctp !== undefined) return { protocol: 'sctp', from, to, chunk: sctp };
  return { protocol: 'tcp', from, to, flags: tcp ?? ['syn'] };
}

function endpoint(text: string): ServerAddress {
  const parsed = parseEndpoint(text);
  if (parsed?.port !== undefined) return { address: parsed.address, port: parsed.port };
  throw new InvalidArgumentError('expected ADDRESS:PORT, such as 192.0.2.1:40000 or [2001:db8::1]:40000.');
}

function flags(text: string): TcpFlagName[] {
  if (text === 'none') return [];
  return text.split(',').map((word) => oneOf(FLAGS, word, 'flags, separated by commas, or none'));
}

const chunk = (text: string): SctpChunkName => oneOf(CHUNKS, text, 'chunks');

function oneOf<Word extends string>(words: readonly Word[], given: string, what: string): Word {
  const word = words.find((each) => each === given.toLowerCase());
  if (word !== undefined) return word;
  throw new InvalidArgumentError(`"${given}" is none of the ${what}: ${words.join(' ')}.`);
}

function hexFrame(text: string): string {
  const digits = text.replaceAll(/[\s:]/g, '').toLowerCase();
  const wrong = /[^0-9a-f]/.exec(digits);
  if (wrong !== null) throw new InvalidArgumentError(`"${wrong[0]}" is no hexadecimal digit.`);
  if (digits.length % 2 !== 0)
    throw new InvalidArgumentError(`${digits.length} digits are an odd number: a byte has two.`);
  if (digits.length >= 2 * MIN_FRAME_BYTES) return digits;
  throw new InvalidArgumentError(
    `${digits.length / 2} bytes are no frame: the Ethernet header alone has ${MIN_FRAME_BYTES}.`,
  );
}

function packetNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('expected a whole number from 1 on.');
}
