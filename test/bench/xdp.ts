/**
 * The XDP datapath: throughput, what a frame costs in the program alone, delay, many live connections, and instructions
 * beside the kernel's IPVS. Printed, and written into docs/PERFORMANCE.md.
 */
import { watching } from './watching.ts';
import { latency } from './xdp/latency.ts';
import { program } from './xdp/program.ts';
import { circumstances, writeReport } from './xdp/report.ts';
import { build, missingPackages } from './xdp/rig.ts';
import { takeover } from './xdp/takeover.ts';
import { liveConnections, throughput } from './xdp/throughput.ts';
import { vm } from './xdp/vm.ts';

const PARTS = { throughput, program, latency, live: liveConnections, takeover, watching, vm } as const;
export type XdpPart = keyof typeof PARTS;
export const XDP_PARTS = Object.keys(PARTS) as XdpPart[];

export async function benchXdp(part: XdpPart): Promise<void> {
  const missing = missingPackages(part === 'vm');
  if (missing !== undefined) {
    console.error(`\nNOT MEASURED: ${part}; Debian packages are missing. Try: ${missing}`);
    process.exitCode = 1;
    return;
  }
  build();
  const when = circumstances();
  console.log(`\nThe XDP datapath, ${part}:\n`);
  const tables = await PARTS[part]();
  console.log(tables);
  writeReport(`xdp ${part}`, `\n${when}\n\n${tables}\n`);
}
