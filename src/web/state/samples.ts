/**
 * The last ten minutes, a sample for each overview: of all services together, of each service, and of the servers of the
 * chosen one. Kept outside of the state and changed in place, since it is a few megabytes for a thousand services.
 */
import type { OverviewReply } from '../../control/protocol.ts';
import type { TrafficRates } from '../../service/model.ts';
import { endpointText } from '../endpoint.ts';

export type Metric = 'connections' | 'packets' | 'bytes' | 'drops';

/** At one a second, ten minutes. */
export const SAMPLES_KEPT = 600;
export const ALL = '';

const METRICS: readonly Metric[] = ['connections', 'packets', 'bytes', 'drops'];
type Trace = Readonly<Record<Metric, Float32Array>>;

export class Samples {
  /** Seconds since 1970, by the daemon's clock. */
  private readonly times = new Float64Array(SAMPLES_KEPT);
  /** By service key; ALL: all together. NaN where there was no sample. */
  private readonly services = new Map<string, Trace>();
  private servers = new Map<string, Trace>();
  private serversOf: string | null = null;
  /** Samples ever taken; each lies at its number modulo SAMPLES_KEPT. */
  private taken = 0;

  /** `chosen`: the service that the reply's servers are of. */
  add(reply: OverviewReply, chosen: string | null): void {
    if (chosen !== this.serversOf) {
      this.servers = new Map();
      this.serversOf = chosen;
    }
    const place = this.begin(reply.timeMs / 1000);
    write(traceOf(this.services, ALL), place, reply.rates, reply.drops.perSec);
    for (const { key, rates } of reply.services) write(traceOf(this.services, key), place, rates);
    for (const { server, rates } of reply.servers)
      write(traceOf(this.servers, endpointText(server)), place, rates);
    this.forget(new Set(reply.services.map(({ key }) => key)));
  }

  /** Nothing came for a while: lines are broken here, and not drawn over it. */
  addGap(): void {
    if (this.taken > 0) this.begin(this.times[(this.taken - 1) % SAMPLES_KEPT]! + 0.5);
  }

  /** Oldest first, seconds. */
  readTimes(): number[] {
    return this.inOrder((place) => this.times[place]!);
  }

  /** Beside readTimes(); null: not known. */
  readService(key: string, metric: Metric): (number | null)[] {
    return this.read(this.services.get(key), metric);
  }

  /** Of the chosen service; `server` as endpointText() has it. */
  readServer(server: string, metric: Metric): (number | null)[] {
    return this.read(this.servers.get(server), metric);
  }

  private read(trace: Trace | undefined, metric: Metric): (number | null)[] {
    const values = trace?.[metric];
    return this.inOrder((place) => {
      const value = values?.[place] ?? Number.NaN;
      return Number.isNaN(value) ? null : value;
    });
  }

  private inOrder<T>(at: (place: number) => T): T[] {
    const length = Math.min(this.taken, SAMPLES_KEPT);
    return Array.from({ length }, (_, index) => at((this.taken - length + index) % SAMPLES_KEPT));
  }

  /** The place of a new sample, in which nothing is known yet. */
  private begin(timeSec: number): number {
    const place = this.taken++ % SAMPLES_KEPT;
    this.times[place] = timeSec;
    for (const trace of [...this.services.values(), ...this.servers.values()])
      for (const metric of METRICS) trace[metric][place] = Number.NaN;
    return place;
  }

  private forget(living: ReadonlySet<string>): void {
    for (const key of this.services.keys()) if (key !== ALL && !living.has(key)) this.services.delete(key);
  }
}

function traceOf(traces: Map<string, Trace>, key: string): Trace {
  const found = traces.get(key);
  if (found !== undefined) return found;
  const empty = () => new Float32Array(SAMPLES_KEPT).fill(Number.NaN);
  const made = { connections: empty(), packets: empty(), bytes: empty(), drops: empty() };
  traces.set(key, made);
  return made;
}

/** Direct routing sees only what comes in: the servers answer past the director. */
function write(trace: Trace, place: number, rates: TrafficRates, drops = Number.NaN): void {
  trace.connections[place] = rates.connections;
  trace.packets[place] = rates.inPackets;
  trace.bytes[place] = rates.inBytes;
  trace.drops[place] = drops;
}
