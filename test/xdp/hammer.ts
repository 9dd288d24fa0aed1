/** A process that runs frames through the program as fast as it can, while others do the same or edit. See SharedRig. */
import { verdictNames } from '../../src/datapath/verdict.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { Program } from '../../src/xdp/program.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';
import { ACK, FIN, RST, SYN } from '../helpers/frame-builder.ts';
import { Random } from '../model/random.ts';
import { planEdits } from './edit-plan.ts';
import { FrameStream, serverOf, tcpFrame, udpFrame } from './rig.ts';
import { readWord, runFrame, Word, writeWord, XDP_TX } from './shared-rig.ts';

export type HammerTask =
  /** New clients only: each gets a server of the configuration that is in force. */
  | { readonly kind: 'clients'; readonly seed: number; readonly edits: number }
  /** Connections of clients `first` … `first + count - 1` that begin, and unless it `onlyBegins` go on and end. */
  | {
      readonly kind: 'connections';
      readonly seed: number;
      readonly first: number;
      readonly count: number;
      readonly onlyBegins?: boolean;
    }
  /** In each epoch each of its clients sends one datagram, and then it says so. */
  | { readonly kind: 'rounds'; readonly first: number; readonly count: number }
  /** One datagram after the other. */
  | { readonly kind: 'datagrams' };

export interface HammerReport {
  readonly frames: number;
  /** What should not have been, at most ten. */
  readonly problems: readonly string[];
  /** How many servers got one. */
  readonly servers: number;
  /** Frames that were not forwarded. */
  readonly refused: number;
}

const { pinFolder, sizes } = JSON.parse(process.argv[2]!) as { pinFolder: string; sizes: XdpSizes };
const program = new Program({ sizes, pinFolder, clockIsGiven: true });
/** 20.0.0.0 */
const CLIENTS = 0x14000000;
let problems: string[] = [];
const isStopped = () => readWord(program, Word.Stop) !== 0;

function complain(text: string): void {
  if (problems.length < 10) problems.push(text);
}

function hammerClients({ seed, edits }: Extract<HammerTask, { kind: 'clients' }>): HammerReport {
  const plan = planEdits(seed, edits);
  // Epoch 2 n: edit n is done, 2 n + 1: the next one is under way. The first edit was made before.
  const mayTake = (epoch: number, server: number) =>
    plan[epoch >> 1]!.takers.has(server) || (epoch % 2 === 1 && plan[(epoch + 1) >> 1]!.takers.has(server));
  const frames = Array.from({ length: 4096 }, (_, client) => udpFrame(client, 1024 + client));
  const servers = new Set<number>();
  let count = 0;
  let refused = 0;
  for (; !isStopped(); count++) {
    const before = readWord(program, Word.Epoch);
    const { action, sent } = runFrame(program, frames[count % frames.length]!);
    const after = readWord(program, Word.Epoch);
    writeWord(program, Word.Frames, count);
    const server = action === XDP_TX && sent[0] === 2 && sent[1] === 1 ? serverOf(sent) : undefined;
    if (server === undefined) {
      refused++;
      const verdict = verdictNames.get(program.config.get32(0, CONFIG.at.lastVerdict));
      complain(`${verdict} in epoch ${before} to ${after}`);
      continue;
    }
    servers.add(server);
    let isRight = false;
    for (let epoch = before; epoch <= after; epoch++) isRight ||= mayTake(epoch, server);
    if (!isRight) complain(`to server ${server} in epoch ${before} to ${after}`);
  }
  return { frames: count, problems, servers: servers.size, refused };
}

const FLAGS = [SYN, SYN, ACK, ACK, FIN | ACK, RST];

function hammerConnections({
  seed,
  first,
  count,
  onlyBegins = false,
}: Extract<HammerTask, { kind: 'connections' }>): HammerReport {
  const random = new Random(seed);
  const stream = new FrameStream(tcpFrame(1));
  let total = 0;
  for (; !isStopped(); total++) {
    const client = CLIENTS + first + random.below(count);
    runFrame(program, stream.of(client, 1024, onlyBegins ? SYN : random.pick(FLAGS)));
    writeWord(program, Word.Frames, total);
  }
  return { frames: total, problems, servers: 0, refused: 0 };
}

function hammerRounds({ first, count }: Extract<HammerTask, { kind: 'rounds' }>): HammerReport {
  const frames = Array.from({ length: count }, (_, index) => udpFrame(first + index, 1024));
  let refused = 0;
  let total = 0;
  for (let round = 0; !isStopped(); ) {
    if (readWord(program, Word.Epoch) === round) continue;
    round = readWord(program, Word.Epoch);
    for (const frame of frames) if (runFrame(program, frame).action !== XDP_TX) refused++;
    total += count;
    writeWord(program, Word.Frames, round);
  }
  return { frames: total, problems, servers: 0, refused };
}

function hammerDatagrams(): HammerReport {
  const frame = udpFrame(1);
  let refused = 0;
  let total = 0;
  for (; !isStopped(); total++) {
    if (runFrame(program, frame).action !== XDP_TX) refused++;
    writeWord(program, Word.Frames, total);
  }
  return { frames: total, problems, servers: 0, refused };
}

function run(task: HammerTask): HammerReport {
  switch (task.kind) {
    case 'clients':
      return hammerClients(task);
    case 'connections':
      return hammerConnections(task);
    case 'rounds':
      return hammerRounds(task);
    case 'datagrams':
      return hammerDatagrams();
  }
}

process.on('message', (task: HammerTask) => {
  problems = [];
  process.send!(run(task));
});
process.send!('ready');
