/**
 * The XDP datapath: throughput, what a frame costs in the program alone, delay, many live connections, and instructions
 * beside the kernel's IPVS. Printed, and written into docs/PERFORMANCE.md.
 */
import { benchPart } from './perf-part.ts';
import { watching } from './watching.ts';
import { latency } from './xdp/latency.ts';
import { program } from './xdp/program.ts';
import { takeover } from './xdp/takeover.ts';
import { liveConnections, throughput } from './xdp/throughput.ts';
import { vm } from './xdp/vm.ts';

const PARTS = { throughput, program, latency, live: liveConnections, takeover, watching, vm } as const;
export type XdpPart = keyof typeof PARTS;
export const XDP_PARTS = Object.keys(PARTS) as XdpPart[];

export const benchXdp = (part: XdpPart): Promise<void> =>
  benchPart({
    name: part,
    report: `xdp ${part}`,
    title: `The XDP datapath, ${part}`,
    needsVm: part === 'vm',
    measure: PARTS[part],
  });
