/**
 * How long a process that takes over makes of the memory of the one before what it works with. Forwarding stands still
 * for so long: when the process before was killed, and when it has stopped for this one (worker/handover.ts).
 */
import { connectionTableBytes, tableMemoryIn } from '../../src/connection/connection-table.ts';
import { MAX_DATAGRAMS } from '../../src/datapath/fragments.ts';
import type { Path, PathMemory } from '../../src/datapath/path.ts';
import { VERDICT_COUNT } from '../../src/datapath/verdict.ts';
import { loadHostAddon } from '../../src/host/native.ts';
import { recoverConnections } from '../../src/worker/recover-path.ts';
import { RECORD_BYTES, ServerRecords } from '../../src/worker/server-records.ts';
import { connect, createBenchPath, type PathRow } from './path.ts';
import { summarize } from './statistics.ts';

const SAMPLES = 9;

export function measureHandover(): PathRow[] {
  return [100_000, 1_000_000].flatMap((connections) => {
    const count = `${connections.toLocaleString('en')} connections`;
    const [handed, killed] = [recoveries(connections, true), recoveries(connections, false)];
    return [
      { what: `handed over, ${count}`, unit: 'ms', summary: summarize(handed), bar: 100 },
      { what: `after a kill, ${count}`, unit: 'ms', summary: summarize(killed) },
    ];
  });
}

/** `isPrepared`: the process before still forwarded while this one got ready. */
function recoveries(connections: number, isPrepared: boolean): number[] {
  const bytes = connectionTableBytes(connections);
  const fd = loadHostAddon().createMemory('director-bench', bytes);
  const map = (): PathMemory => ({
    connections: tableMemoryIn(loadHostAddon().mapMemory(fd, bytes), 0, connections),
    datagrams: tableMemoryIn(new ArrayBuffer(connectionTableBytes(MAX_DATAGRAMS)), 0, MAX_DATAGRAMS),
    verdicts: new Float64Array(VERDICT_COUNT),
  });
  const records = new ServerRecords(new ArrayBuffer(16 * RECORD_BYTES), 0, new Int32Array(1), 16);
  const before = createBenchPath('rr', connections, map());
  for (const server of before.registry) records.entered(server);
  connect(before, connections);
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const next = createBenchPath('rr', connections, map());
    if (isPrepared) next.connections.touch();
    const startMs = performance.now();
    recoverConnections(next, records);
    samples.push(performance.now() - startMs);
    expectAll(next, connections);
  }
  return samples;
}

function expectAll({ connections }: Path, expected: number): void {
  if (connections.live !== expected)
    throw new Error(`${connections.live} of ${expected} connections are there`);
}
