/** What went through a service or a server: counters, and the rates that IPVS makes of them. */
import type { TrafficCounters, TrafficRates } from './model.ts';

/** The estimator looks every two seconds. */
export const ESTIMATE_INTERVAL_SEC = 2;
/** Rates are kept in fixed point: connections and packets in 1/1024, bytes in 1/32 of one a second. */
const PACKET_SCALE = 1024;
const BYTE_SCALE = 32;
/** Each look moves the average by a quarter of the difference. */
const WEIGHT = 4;

export const NO_TRAFFIC: TrafficCounters = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
};

export class Traffic {
  connections = 0;
  inPackets = 0;
  outPackets = 0;
  /** IP bytes, without the Ethernet header. */
  inBytes = 0;
  outBytes = 0;
  private last = NO_TRAFFIC;
  /** In fixed point. */
  private average: TrafficRates = NO_TRAFFIC;

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
    this.last = this.average = NO_TRAFFIC;
  }

  /** As another process counted; rates begin anew. */
  restore(counters: TrafficCounters): void {
    Object.assign(this, counters);
    this.last = counters;
    this.average = NO_TRAFFIC;
  }

  read(): TrafficCounters {
    const { connections, inPackets, outPackets, inBytes, outBytes } = this;
    return { connections, inPackets, outPackets, inBytes, outBytes };
  }

  /** Every ESTIMATE_INTERVAL_SEC: net/netfilter/ipvs/ip_vs_est.c, estimation_timer(). */
  estimate(): void {
    const now = this.read();
    const { last, average } = this;
    const moved = (name: keyof TrafficCounters, scale: number) => {
      const rate = ((now[name] - last[name]) * scale) / ESTIMATE_INTERVAL_SEC;
      return average[name] + Math.floor((rate - average[name]) / WEIGHT);
    };
    this.average = {
      connections: moved('connections', PACKET_SCALE),
      inPackets: moved('inPackets', PACKET_SCALE),
      outPackets: moved('outPackets', PACKET_SCALE),
      inBytes: moved('inBytes', BYTE_SCALE),
      outBytes: moved('outBytes', BYTE_SCALE),
    };
    this.last = now;
  }

  /** Rounded as ip_vs_read_estimator() does. */
  readRates(): TrafficRates {
    const { connections, inPackets, outPackets, inBytes, outBytes } = this.average;
    const rounded = (value: number, scale: number) => Math.floor((value + scale / 2 - 1) / scale);
    return {
      connections: rounded(connections, PACKET_SCALE),
      inPackets: rounded(inPackets, PACKET_SCALE),
      outPackets: rounded(outPackets, PACKET_SCALE),
      inBytes: rounded(inBytes, BYTE_SCALE),
      outBytes: rounded(outBytes, BYTE_SCALE),
    };
  }
}
