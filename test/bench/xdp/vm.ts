/** Beside the kernel's IPVS, in instructions: ipvs-vm/bench-ipvs.sh in a guest with a 6.12 kernel. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { barCells, markdownTable } from '../table.ts';
import { BENCH_FOLDER, rig } from './rig.ts';

const BUILD = '/var/tmp/director-vm/build';
const DIRECTOR = join(BENCH_FOLDER, 'vm-director.sh');
/** The second one with its processes stopped: frames only. */
const DIRECTORS = { director: DIRECTOR, 'director-program': `${DIRECTOR} --program-alone` } as const;
const BALANCERS = ['xdp-floor', 'ipvs-dr', 'nft-dsr', ...Object.keys(DIRECTORS)];
/** At most this part of what IPVS takes. */
const KINDS = { ack: 1 / 5, udp: 1 / 5, syn: 1 / 4 } as const;
const KIND_WORDS = {
  ack: 'ACK, 1,000 connections',
  udp: 'UDP, 1,000 flows',
  syn: 'SYN, each a new connection',
};
type Kind = keyof typeof KINDS;

export function vm(): string {
  execFileSync('make', ['-s', '-C', join(BENCH_FOLDER, 'ipvs-vm'), `OUT=${BUILD}`], { stdio: 'inherit' });
  const lines = rig('ipvs-vm/run.sh', [
    ...['--icount', '--timeout', '1800', '--env', `IV_BUILD=${BUILD}`, '--env', 'DIRECTOR_DIST'],
    ...['--', join(BENCH_FOLDER, 'ipvs-vm/bench-ipvs.sh'), '--topo', 'onearm'],
    ...['--kinds', Object.keys(KINDS).join(' '), '--only', ['gen-drop', ...BALANCERS].join(',')],
    ...Object.entries(DIRECTORS).flatMap(([name, command]) => ['--lb', `${name}=${command}`]),
  ]).split('\n');
  const kernel = lines.find((line) => line.startsWith('# kernel'))?.split(' ')[2];
  return [
    `Kernel of the guest: ${kernel}.`,
    proofTable(lines),
    instructionsTable(lines),
    ratioTable(lines),
  ].join('\n\n');
}

function proofTable(lines: readonly string[]): string {
  const proofs = lines.filter((line) => line.startsWith('proof ')).map((line) => line.split(' '));
  return markdownTable(
    ['12 times curl, one LAN, two real servers', 'who answered', ''],
    proofs.map(([, name, ok, ...who]) => [name!, who.join(', '), ok!]),
  );
}

/** Instructions for a frame, without those of the generator. */
function instructions(lines: readonly string[], balancer: string, kind: Kind): number {
  const line = lines.find((text) => text.startsWith(`${balancer} `) && text.includes(` kind=${kind} `));
  return Number(line?.match(/ net_ns=([\d.]+)/)?.[1]);
}

function instructionsTable(lines: readonly string[]): string {
  const rows = (Object.keys(KINDS) as Kind[]).map((kind) => [
    KIND_WORDS[kind],
    ...BALANCERS.map((balancer) => instructions(lines, balancer, kind).toFixed(0)),
  ]);
  return markdownTable(['instructions for a frame', ...BALANCERS], rows);
}

function ratioTable(lines: readonly string[]): string {
  const rows = (Object.keys(KINDS) as Kind[]).flatMap((kind) =>
    Object.keys(DIRECTORS).map((director) => {
      const ratio = instructions(lines, director, kind) / instructions(lines, 'ipvs-dr', kind);
      const what = `${KIND_WORDS[kind]}: ${director} to ipvs-dr`;
      return [what, ratio.toFixed(3), ...barCells(ratio, { atMost: KINDS[kind] })];
    }),
  );
  return markdownTable(['ratio', '', 'bar', ''], rows);
}
