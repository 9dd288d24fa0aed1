/** The ring engine: `ring`, some seven minutes, and `soak`. Printed, and written into docs/PERFORMANCE.md. */
import { benchPart } from './perf-part.ts';
import { idle, loneFrame } from './ring/alone.ts';
import { rates } from './ring/rates.ts';
import { loss, soak } from './ring/steady.ts';
import { upload } from './ring/upload.ts';

const PARTS = {
  ring: async () => [rates(), loss(), loneFrame(), idle(), await upload()].join('\n\n'),
  soak: async () => soak(),
} as const;
export type RingPart = keyof typeof PARTS;
export const RING_PARTS = Object.keys(PARTS) as RingPart[];

export const benchRing = (part: RingPart): Promise<void> =>
  benchPart({
    name: part,
    report: part,
    title: `The ring engine, ${part}`,
    needsVm: false,
    measure: PARTS[part],
  });
