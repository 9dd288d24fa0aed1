/** What went through a service or a server. */
import type { TrafficCounters } from './model.ts';

export class Traffic {
  connections = 0;
  inPackets = 0;
  outPackets = 0;
  /** IP bytes, without the Ethernet header. */
  inBytes = 0;
  outBytes = 0;

  countIn(ipBytes: number): void {
    this.inPackets++;
    this.inBytes += ipBytes;
  }

  countOut(ipBytes: number): void {
    this.outPackets++;
    this.outBytes += ipBytes;
  }

  zero(): void {
    this.connections = this.inPackets = this.outPackets = this.inBytes = this.outBytes = 0;
  }

  read(): TrafficCounters {
    const { connections, inPackets, outPackets, inBytes, outBytes } = this;
    return { connections, inPackets, outPackets, inBytes, outBytes };
  }
}
