/** Ten thousand neighbours, where the kernel keeps 1,024 by default: net.ipv4.neigh.default, which needs root. */
import { readFileSync, writeFileSync } from 'node:fs';

const NEIGHBORS = 32_768;
const FILES = [1, 2, 3].map((n) => `/proc/sys/net/ipv4/neigh/default/gc_thresh${n}`);

/** While `act` goes on. The kernel has one table for all namespaces. */
export async function withRoomForNeighbors<T>(act: () => T | Promise<T>): Promise<T> {
  const before = FILES.map((file) => readFileSync(file, 'utf8'));
  const restore = () => FILES.forEach((file, index) => void writeFileSync(file, before[index]!));
  process.on('exit', restore);
  try {
    for (const file of FILES) writeFileSync(file, String(NEIGHBORS));
    return await act();
  } finally {
    process.off('exit', restore);
    restore();
  }
}
