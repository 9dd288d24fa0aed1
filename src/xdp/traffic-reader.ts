/**
 * The counters of the program, each for a CPU and a server, added up into those of src/service. What is new since the
 * last look counts for the server and for its service; so the program keeps no counters of services, and a removed
 * server's stay with its service.
 */
import type { RealServer } from '../service/real-server.ts';
import { TRAFFIC } from './layout.ts';
import type { Program } from './program.ts';

export const COUNTERS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
export type Counts = Record<(typeof COUNTERS)[number], number>;
/** And the connections that were for another service. */
const FIELDS = [...COUNTERS, 'foreign'] as const;

export class TrafficReader {
  private readonly program: Program;
  /** By server number: what was taken over. */
  private readonly seen: Float64Array;

  constructor(program: Program) {
    this.program = program;
    this.seen = new Float64Array(program.servers.count * FIELDS.length);
  }

  takeOver(server: RealServer): void {
    for (const name of COUNTERS) {
      const added = this.added(server.id, name);
      server.traffic[name] += added;
      server.serviceTraffic[name] += added;
    }
    server.serviceTraffic.connections -= this.added(server.id, 'foreign');
  }

  /** A number is given to a server that is new. */
  begin(server: number): void {
    const { traffic, cpus, servers, serversZeroed } = this.program;
    for (let cpu = 0; cpu < cpus; cpu++) traffic.clear(cpu * servers.count + server);
    serversZeroed.clear(server);
    this.seen.fill(0, server * FIELDS.length, (server + 1) * FIELDS.length);
  }

  /** What was taken over so far. */
  seenOf(server: number): Readonly<Counts & { foreign: number }> {
    const at = server * FIELDS.length;
    const [connections, inPackets, outPackets, inBytes, outBytes, foreign] = this.seen.subarray(
      at,
      at + FIELDS.length,
    ) as unknown as [number, number, number, number, number, number];
    return { connections, inPackets, outPackets, inBytes, outBytes, foreign };
  }

  private added(server: number, name: (typeof FIELDS)[number]): number {
    const at = server * FIELDS.length + FIELDS.indexOf(name);
    const total = this.total(server, TRAFFIC.at[name]);
    const added = total - this.seen[at]!;
    this.seen[at] = total;
    return added;
  }

  private total(server: number, offset: number): number {
    const { traffic, cpus, servers } = this.program;
    let total = 0;
    for (let cpu = 0; cpu < cpus; cpu++) total += traffic.getCount(cpu * servers.count + server, offset);
    return total;
  }
}
