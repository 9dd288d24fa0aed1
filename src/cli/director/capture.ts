/** `director capture`: what the datapath sees and does, into a pcapng file or onto the terminal. */
import { createWriteStream, openSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { CaptureSink } from '../../capture-file/capture-sink.ts';
import { NoteReader, type PacketNote, type StatisticsNote } from '../../capture-file/pcapng-notes.ts';
import type { CaptureStream, DirectorClient } from '../../control/client.ts';
import { parseEndpoint } from '../../control/endpoint.ts';
import { type CaptureRequest, DEFAULT_SNAPLEN, type EndpointFilter } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { reasonOf } from '../../text-file.ts';
import { asking } from './asking.ts';
import { summarize } from './frame-summary.ts';

const STANDARD_OUTPUT = '-';
const MIN_SNAPLEN = 14;
const MAX_SNAPLEN = 4096;
const MAX_SECONDS = 2_000_000;

interface Options {
  readonly write?: string;
  readonly print?: boolean;
  readonly client?: EndpointFilter;
  readonly virtual?: EndpointFilter;
  readonly server?: EndpointFilter;
  readonly verdict?: readonly string[];
  readonly count?: number;
  readonly seconds?: number;
  readonly snaplen: number;
}

export function addCaptureCommand(program: Command): void {
  program
    .command('capture')
    .description(
      'write what the datapath sees and does to a pcapng file: each frame as it came and as it was sent, with verdict, ' +
        'service, server and MAC as a comment; without -w one line each on the terminal',
    )
    .option('-w, --write <file>', 'the file; - is standard output')
    .option('--print', 'a line for each frame, with -w too')
    .option('--client <address>', 'only of this client; addresses as for director connections', endpoint)
    .option('--virtual <address>', 'only to this virtual address', endpoint)
    .option('--server <address>', 'only for this real server', endpoint)
    .option(
      '--verdict <name...>',
      'only with these verdicts, or all that begin with Forward, Deliver, Pass, Reply or Drop',
    )
    .option('-c, --count <frames>', 'end after so many frames', numberFrom(1, Number.MAX_SAFE_INTEGER))
    .option('--seconds <seconds>', 'end after this time', numberFrom(1, MAX_SECONDS))
    .option(
      '--snaplen <bytes>',
      `of each frame, at most ${MAX_SNAPLEN}`,
      numberFrom(MIN_SNAPLEN, MAX_SNAPLEN),
      DEFAULT_SNAPLEN,
    )
    .action((options: Options, command: Command) => {
      requireSensible(options);
      return asking(command, (client) => capture(client, options));
    });
}

/** setpriority(2). Who looks on gives way to what forwards: frames are lost to the capture rather than to their clients. */
const NICE = 10;

async function capture(
  client: DirectorClient,
  { write, print = write === undefined, ...request }: Options,
): Promise<void> {
  const sink = write === undefined ? undefined : openSink(write);
  setPriority(NICE);
  const stream = await client.capture(request satisfies CaptureRequest);
  const end = () => void client.endCapture(stream.id).catch(() => stream.file.destroy());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  console.error('capturing; Ctrl-C ends it');
  const statistics = await copy(stream, sink, print).finally(() => stream.file.destroy());
  await sink?.close();
  if (statistics === undefined)
    throw new DirectorError(
      'DAEMON_UNREACHABLE',
      'the director went away; what it had sent until then is there',
    );
  console.error(summary(statistics));
}

/** Until the file ends. Undefined: it broke off. */
async function copy(
  { file }: CaptureStream,
  sink: CaptureSink | undefined,
  print: boolean,
): Promise<StatisticsNote | undefined> {
  const notes = new NoteReader();
  let statistics: StatisticsNote | undefined;
  try {
    for await (const piece of file as AsyncIterable<Buffer>) {
      sink?.add(piece);
      await sink?.flush();
      const lines: string[] = [];
      for (const note of notes.push(piece)) {
        if (note.kind === 'statistics') statistics = note;
        else if (print) lines.push(line(note));
      }
      if (lines.length > 0) console.log(lines.join('\n'));
    }
  } catch (error) {
    if (error instanceof DirectorError) throw error;
  }
  return statistics;
}

function openSink(path: string): CaptureSink {
  if (path === STANDARD_OUTPUT) return new CaptureSink(process.stdout, 'standard output');
  try {
    return new CaptureSink(createWriteStream(path, { fd: openSync(path, 'w') }), path);
  } catch (cause) {
    throw new DirectorError('CAPTURE_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { path }, cause);
  }
}

function requireSensible({ write, print }: Options): void {
  if (write !== STANDARD_OUTPUT) return;
  if (print === true)
    throw new DirectorError(
      'OUT_OF_RANGE',
      '-w - and --print both want standard output: leave one of them out',
    );
  if (process.stdout.isTTY)
    throw new DirectorError(
      'OUT_OF_RANGE',
      '-w - would write a binary file to the terminal: name a file, or pipe it, such as -w - | tshark -r -',
    );
}

function line({ time, data, comment }: PacketNote): string {
  const date = new Date(Number(time / 1_000_000n));
  const clock = date.toLocaleTimeString('en-GB', { hour12: false });
  const microseconds = String((time / 1000n) % 1_000_000n).padStart(6, '0');
  return `${clock}.${microseconds} ${summarize(data)}  ${comment}`;
}

/** Frames, not packets of the file: one that was sent on is there twice. */
function summary({ received, accepted, dropped, delivered }: StatisticsNote): string {
  const hint = dropped > 0 ? '; a filter loses less' : '';
  const frames = delivered === 1 ? '1 frame' : `${delivered} frames`;
  return `captured ${frames}, filtered ${received - accepted}, lost ${dropped}${hint}`;
}

function endpoint(text: string): EndpointFilter {
  const parsed = parseEndpoint(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError(
    'expected an address, or address and port such as 10.0.0.1:80 or [fd00::1]:80.',
  );
}

const numberFrom = (min: number, max: number) => (text: string) => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
};
