/** The ring engine: `ring`, some seven minutes, and `soak`. Printed, and written into docs/PERFORMANCE.md. */
import { idle, loneFrame } from './ring/alone.ts';
import { rates } from './ring/rates.ts';
import { loss, soak } from './ring/steady.ts';
import { upload } from './ring/upload.ts';
import { circumstances, writeReport } from './xdp/report.ts';
import { build, missingPackages } from './xdp/rig.ts';

const PARTS = {
  ring: async () => [rates(), loss(), loneFrame(), idle(), await upload()].join('\n\n'),
  soak: async () => soak(),
} as const;
export type RingPart = keyof typeof PARTS;
export const RING_PARTS = Object.keys(PARTS) as RingPart[];

export async function benchRing(part: RingPart): Promise<void> {
  const missing = missingPackages(false);
  if (missing !== undefined) {
    console.error(`\nNOT MEASURED: ${part}; Debian packages are missing. Try: ${missing}`);
    process.exitCode = 1;
    return;
  }
  build();
  const when = circumstances();
  console.log(`\nThe ring engine, ${part}:\n`);
  const tables = await PARTS[part]();
  console.log(tables);
  writeReport(part, `\n${when}\n\n${tables}\n`);
}
