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
    const { last, average } = this;
    const isAsBefore = this.isAs(last);
    // Of thousands of servers most are idle most of the time.
    if (isAsBefore && average === NO_TRAFFIC) return;
    const now = isAsBefore ? last : this.read();
    const next = {
      connections: moved(average.connections, now.connections - last.connections, PACKET_SCALE),
      inPackets: moved(average.inPackets, now.inPackets - last.inPackets, PACKET_SCALE),
      outPackets: moved(average.outPackets, now.outPackets - last.outPackets, PACKET_SCALE),
      inBytes: moved(average.inBytes, now.inBytes - last.inBytes, BYTE_SCALE),
      outBytes: moved(average.outBytes, now.outBytes - last.outBytes, BYTE_SCALE),
    };
    this.average = isNothing(next) ? NO_TRAFFIC : next;
    this.last = now;
  }

  private isAs({ connections, inPackets, outPackets, inBytes, outBytes }: TrafficCounters): boolean {
    return (
      this.inPackets === inPackets &&
      this.inBytes === inBytes &&
      this.connections === connections &&
      this.outPackets === outPackets &&
      this.outBytes === outBytes
    );
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

/** Towards what was counted since the last look. */
function moved(average: number, counted: number, scale: number): number {
  const rate = (counted * scale) / ESTIMATE_INTERVAL_SEC;
  return average + Math.floor((rate - average) / WEIGHT);
}

const isNothing = ({ connections, inPackets, outPackets, inBytes, outBytes }: TrafficRates): boolean =>
  connections === 0 && inPackets === 0 && outPackets === 0 && inBytes === 0 && outBytes === 0;
