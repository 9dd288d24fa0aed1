/** `director run` begins with the datapath process: that loads its code while the daemon loads its own. */
import { requirePrivileges } from './privileges.ts';
import type { RunOptions } from './run.ts';
import { WorkerProcess } from './worker-process.ts';

/** Resolves after a clean end. Rejects when it cannot start, with nothing left behind. */
export async function start(options: Omit<RunOptions, 'worker'>): Promise<void> {
  requirePrivileges();
  const worker = new WorkerProcess(options.datapath === 'pcap' ? 'pcap' : 'xdp');
  try {
    const { run } = await import('./run.ts');
    await run({ ...options, worker });
  } finally {
    await worker.stop();
  }
}
