/**
 * What each server had at each time of a replay: a bounded number of moments, which move apart as the replay goes on,
 * however long it is.
 */
import type { RealServer } from '../service/real-server.ts';

/** An even number. */
const MAX_MOMENTS = 240;

/** Of one server, at the moments of the history. */
export interface ServerHistory {
  /** Active and inactive connections. */
  readonly open: readonly number[];
  /** Connections that it was given since the beginning. */
  readonly given: readonly number[];
}

export class BalanceHistory {
  private readonly servers: readonly RealServer[];
  /** Time from one moment to the next. */
  private stepMs = 1;
  private moments = 0;
  /** A row for each moment. */
  private readonly open: Uint32Array;
  private readonly given: Float64Array;

  constructor(servers: readonly RealServer[]) {
    this.servers = servers;
    this.open = new Uint32Array(MAX_MOMENTS * servers.length);
    this.given = new Float64Array(MAX_MOMENTS * servers.length);
  }

  /** Whether a moment is due before what happens at `elapsedMs`. */
  isDue(elapsedMs: number): boolean {
    return elapsedMs >= (this.moments + 1) * this.stepMs;
  }

  /** Takes down what the servers have now, for all moments up to `elapsedMs` that are due. */
  takeDown(elapsedMs: number): void {
    while (elapsedMs >= (MAX_MOMENTS + 1) * this.stepMs) this.thinOut();
    while (this.isDue(elapsedMs)) this.write(this.moments++);
  }

  /** Takes down the last moment, and returns all: when they were, since the beginning, and what each server had. */
  finish(): { readonly timesMs: readonly number[]; readonly servers: readonly ServerHistory[] } {
    if (this.moments === MAX_MOMENTS) this.thinOut();
    this.write(this.moments++);
    const { moments, stepMs } = this;
    const rows = Array.from({ length: moments }, (_, moment) => moment);
    const { length } = this.servers;
    return {
      timesMs: rows.map((moment) => (moment + 1) * stepMs),
      servers: this.servers.map((_, index) => ({
        open: rows.map((moment) => this.open[moment * length + index]!),
        given: rows.map((moment) => this.given[moment * length + index]!),
      })),
    };
  }

  /** Every other moment goes, and they are twice as far apart. */
  private thinOut(): void {
    const { length } = this.servers;
    this.stepMs *= 2;
    this.moments = Math.floor(this.moments / 2);
    for (let moment = 0; moment < this.moments; moment++) {
      const from = (2 * moment + 1) * length;
      this.open.copyWithin(moment * length, from, from + length);
      this.given.copyWithin(moment * length, from, from + length);
    }
  }

  private write(moment: number): void {
    const { length } = this.servers;
    for (let index = 0; index < length; index++) {
      const server = this.servers[index]!;
      this.open[moment * length + index] = server.connectionCount;
      this.given[moment * length + index] = server.traffic.connections;
    }
  }
}
