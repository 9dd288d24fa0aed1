/**
 * Time as the packet path counts it: hundredths of a second since the datapath started, as a 32-bit number that
 * wraps after 248 days. Compare two times by their difference `(a - b) | 0`, never by `<`.
 */
export const TICKS_PER_SECOND = 100;

export const ticksFromMs = (ms: number): number => Math.floor(ms / (1000 / TICKS_PER_SECOND)) | 0;
export const ticksFromSec = (sec: number): number => sec * TICKS_PER_SECOND;
