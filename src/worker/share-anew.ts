/**
 * Connections of workers that shared the clients otherwise, put into the memories of those who are to go on with them:
 * each goes to the worker of its client, and its template with it. Nobody works with any of these memories meanwhile.
 */
import { ticksFromMs } from '../clock.ts';
import { ConnectionTable, NO_CONNECTION, type TableMemory } from '../connection/connection-table.ts';
import { endpointText, serviceKey } from '../service/configuration.ts';
import type { TrafficCounters } from '../service/model.ts';
import { NO_TRAFFIC } from '../service/traffic.ts';
import { Packet } from '../wire/packet.ts';
import { workerOf } from '../wire/slice.ts';
import type { ServerRecord, ServerRecords } from './server-records.ts';

/** What of MappedMemory it takes. */
export interface SharedMemory {
  readonly capacity: number;
  readonly seed: readonly [number, number];
  /** The clock of the table. */
  readonly elapsedMs: number;
  readonly connections: TableMemory;
  readonly verdicts: Float64Array;
  readonly servers: ServerRecords;
}

/** `to` are fresh, one for each worker, in their order. Returns how many connections found no room. */
export function shareAnew(from: readonly SharedMemory[], to: readonly SharedMemory[]): number {
  const numbers = joinServers(from, to);
  const tables = to.map(tableOf);
  let lost = 0;
  for (const [index, memory] of from.entries()) {
    const ages = to.map(({ elapsedMs }) => ticksFromMs(elapsedMs) - ticksFromMs(memory.elapsedMs));
    const table = tableOf(memory);
    table.recover((entry) => numbers[index]!.has(table.serverOf(entry)));
    lost += new Move(table, tables, numbers[index]!, ages).run();
  }
  // Counters are shown as sums, whoever has them.
  for (const { verdicts } of from)
    for (const [verdict, frames] of verdicts.entries()) to[0]!.verdicts[verdict]! += frames;
  return lost;
}

const tableOf = ({ capacity, seed, connections }: SharedMemory) =>
  new ConnectionTable(capacity, seed, connections);

class Move {
  private readonly from: ConnectionTable;
  private readonly to: readonly ConnectionTable[];
  private readonly numbers: ReadonlyMap<number, number>;
  /** What is added to a time, for each table. */
  private readonly ages: readonly number[];
  /** By table: where templates are now. */
  private readonly templates: readonly Map<number, number>[];
  private readonly key = new Packet();
  private lost = 0;

  constructor(
    from: ConnectionTable,
    to: readonly ConnectionTable[],
    numbers: ReadonlyMap<number, number>,
    ages: readonly number[],
  ) {
    this.from = from;
    this.to = to;
    this.numbers = numbers;
    this.ages = ages;
    this.templates = to.map(() => new Map());
  }

  run(): number {
    const { from } = this;
    for (let entry = 1; entry <= from.highestEntry; entry++) {
      if (!from.isLive(entry)) continue;
      if (from.isTemplate(entry)) this.templateIn(this.workerOf(entry), entry);
      else this.move(entry);
    }
    return this.lost;
  }

  private move(entry: number): void {
    const worker = this.workerOf(entry);
    const copy = this.copy(worker, entry);
    const template = this.from.template(entry);
    if (copy === NO_CONNECTION || template === NO_CONNECTION) return;
    const itsTemplate = this.templateIn(worker, template);
    if (itsTemplate !== NO_CONNECTION) this.to[worker]!.dependOn(copy, itsTemplate);
  }

  /** One for a network of clients may be needed by several workers. */
  private templateIn(worker: number, template: number): number {
    const known = this.templates[worker]!.get(template);
    if (known !== undefined) return known;
    const copy = this.copy(worker, template);
    this.templates[worker]!.set(template, copy);
    return copy;
  }

  private copy(worker: number, entry: number): number {
    const { from } = this;
    const expires = (from.expires(entry) + this.ages[worker]!) | 0;
    const server = this.numbers.get(from.serverOf(entry))!;
    const copy = this.to[worker]!.insertCopy(from, entry, server, expires, this.key);
    if (copy === NO_CONNECTION) this.lost++;
    return copy;
  }

  private workerOf(entry: number): number {
    const { from, to } = this;
    const words = [0, 1, 2, 3].map((word) => from.clientWord(entry, word));
    return workerOf(from.ipVersion(entry), words, to.length);
  }
}

interface JoinedServer extends ServerRecord {
  readonly traffic: TrafficCounters;
  readonly serviceTraffic: TrafficCounters;
}

/** The same numbers in all of `to`. Returns, for each of `from`, the new numbers by the old ones. */
function joinServers(from: readonly SharedMemory[], to: readonly SharedMemory[]): Map<number, number>[] {
  const joined = new Map<string, JoinedServer>();
  const numbers = from.map(({ servers }) => {
    const records = servers.read().map((record) => {
      const key = `${serviceKey(record.service)} ${endpointText(record.address)}`;
      const { server, service } = servers.readCounters(record.id);
      const before = joined.get(key);
      const id = before?.id ?? joined.size;
      joined.set(key, {
        ...record,
        id,
        traffic: sumOf(before?.traffic ?? NO_TRAFFIC, server),
        serviceTraffic: sumOf(before?.serviceTraffic ?? NO_TRAFFIC, service),
      });
      return [record.id, id] as const;
    });
    return new Map(records);
  });
  for (const server of joined.values()) {
    for (const [index, { servers }] of to.entries())
      servers.entered(index === 0 ? server : { ...server, traffic: NO_TRAFFIC, serviceTraffic: NO_TRAFFIC });
  }
  return numbers;
}

const sumOf = (a: TrafficCounters, b: TrafficCounters): TrafficCounters => ({
  connections: a.connections + b.connections,
  inPackets: a.inPackets + b.inPackets,
  outPackets: a.outPackets + b.outPackets,
  inBytes: a.inBytes + b.inBytes,
  outBytes: a.outBytes + b.outBytes,
});
