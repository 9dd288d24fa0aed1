/** A process that runs frames through the program as fast as it can, while others do the same or edit. See SharedRig. */
import { verdictNames } from '../../src/datapath/verdict.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { Program } from '../../src/xdp/program.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';
import { ACK, FIN, RST, SYN } from '../helpers/frame-builder.ts';
import { Random } from '../model/random.ts';
import { planEdits } from './edit-plan.ts';
import { serverOf, tcpFrame, udpFrame } from './rig.ts';
import { readWord, runFrame, Word, writeWord, XDP_TX } from './shared-rig.ts';

export type HammerTask =
  /** New clients only: each gets a server of the configuration that is in force. */
  | { readonly kind: 'clients'; readonly seed: number; readonly edits: number }
  /** Connections of clients `first` … `first + count - 1` that begin, go on and end. */
  | { readonly kind: 'connections'; readonly seed: number; readonly first: number; readonly count: number };

export interface HammerReport {
  readonly frames: number;
  /** What should not have been, at most ten. */
  readonly problems: readonly string[];
  /** Frames by what became of them, and frames that were not forwarded. */
  readonly servers: number;
  readonly refused: number;
}

const { pinFolder, sizes, ...task } = JSON.parse(process.argv[2]!) as HammerTask & {
  readonly pinFolder: string;
  readonly sizes: XdpSizes;
};
const program = new Program({ sizes, pinFolder, clockIsGiven: true });
const problems: string[] = [];
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
}: Extract<HammerTask, { kind: 'connections' }>): HammerReport {
  const random = new Random(seed);
  const frames = Array.from({ length: count }, (_, index) =>
    FLAGS.map((flags) => tcpFrame(first + index, 1024, flags)),
  );
  let total = 0;
  let refused = 0;
  for (; !isStopped(); total++) {
    const { action } = runFrame(program, random.pick(random.pick(frames)));
    if (action !== XDP_TX) refused++;
  }
  return { frames: total, problems, servers: 0, refused };
}

process.once('message', () => {
  const report = task.kind === 'clients' ? hammerClients(task) : hammerConnections(task);
  process.send!(report, () => process.exit());
});
process.send!('ready');
