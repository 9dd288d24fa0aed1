/**
 * The counters of the program, each for a CPU and a server, added up into those of src/service. What is new since the
 * last look counts for the server and for its service; so the program keeps no counters of services, and a removed
 * server's stay with its service.
 */
import type { RealServer } from '../service/real-server.ts';
import { TRAFFIC } from './layout.ts';
import type { Program } from './program.ts';

const NAMES = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

export class TrafficReader {
  private readonly program: Program;
  /** By server number: what was taken over. */
  private readonly seen: Float64Array;

  constructor(program: Program) {
    this.program = program;
    this.seen = new Float64Array(program.servers.count * NAMES.length);
  }

  takeOver(server: RealServer): void {
    for (const [index, name] of NAMES.entries()) {
      const total = this.total(server.id, TRAFFIC.at[name]);
      const at = server.id * NAMES.length + index;
      // A number that was given to another server begins at 0.
      const added = total - (total < this.seen[at]! ? 0 : this.seen[at]!);
      this.seen[at] = total;
      server.traffic[name] += added;
      server.serviceTraffic[name] += added;
    }
  }

  private total(server: number, offset: number): number {
    const { traffic, cpus, servers } = this.program;
    let total = 0n;
    for (let cpu = 0; cpu < cpus; cpu++) total += traffic.get64(cpu * servers.count + server, offset);
    return Number(total);
  }
}
