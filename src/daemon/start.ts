/** `director run` begins with the datapath process: that loads its code while the daemon loads its own. */
import { loadHostAddon } from '../host/native.ts';
import { requirePrivileges } from './privileges.ts';
import type { RunOptions } from './run.ts';
import { WorkerProcess } from './worker-process.ts';

/** Resolves after a clean end. Rejects when it cannot start, with nothing left behind. */
export async function start(options: Omit<RunOptions, 'worker'>): Promise<void> {
  requirePrivileges();
  const worker = new WorkerProcess(options.datapath === 'auto' ? 'xdp' : options.datapath);
  let beginsAnew = false;
  try {
    const { run } = await import('./run.ts');
    beginsAnew = await run({ ...options, worker });
  } finally {
    await worker.stop();
  }
  if (beginsAnew) beginAnew();
}

/** As it is installed now, in this very process: whoever waits for its end, systemd or a shell, need not know. */
function beginAnew(): never {
  const addon = loadHostAddon();
  addon.closeOnExec();
  return addon.execute(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
}
