/**
 * Which server each number of the connection table is, with its counters, in memory that outlives the process. A
 * record: length of the text, 0 for none; ten counters; service and address, as JSON. The length is written last.
 */
import type { ServerAddress, ServiceAddress, TrafficCounters } from '../service/model.ts';
import type { ServerLog } from '../service/server-registry.ts';

export const RECORD_BYTES = 256;
const COUNTERS_AT = 8;
const COUNTERS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
const TEXT_AT = COUNTERS_AT + 2 * 8 * COUNTERS.length;

export interface ServerRecord {
  readonly id: number;
  readonly service: ServiceAddress;
  readonly address: ServerAddress;
}

interface CountedServer {
  readonly id: number;
  readonly traffic: TrafficCounters;
  readonly serviceTraffic: TrafficCounters;
}

export class ServerRecords implements ServerLog {
  private readonly bytes: Buffer;
  private readonly words: Int32Array;
  private readonly counters: Float64Array;
  /** Its first word: no record has this number or a higher one. */
  private readonly end: Int32Array;
  private readonly capacity: number;

  constructor(buffer: ArrayBuffer, byteOffset: number, end: Int32Array, capacity: number) {
    this.bytes = Buffer.from(buffer, byteOffset, capacity * RECORD_BYTES);
    this.words = new Int32Array(buffer, byteOffset, (capacity * RECORD_BYTES) / 4);
    this.counters = new Float64Array(buffer, byteOffset, (capacity * RECORD_BYTES) / 8);
    this.end = end;
    this.capacity = capacity;
  }

  entered(server: ServerRecord & CountedServer): void {
    const { id, service, address } = server;
    const text = Buffer.from(JSON.stringify([service, address]));
    if (id >= this.capacity || text.length > RECORD_BYTES - TEXT_AT) return;
    this.left(id);
    this.saveCounters(server);
    text.copy(this.bytes, id * RECORD_BYTES + TEXT_AT);
    this.end[0] = Math.max(this.end[0]!, id + 1);
    this.words[(id * RECORD_BYTES) / 4] = text.length;
  }

  left(id: number): void {
    if (id < this.capacity) this.words[(id * RECORD_BYTES) / 4] = 0;
  }

  has(id: number): boolean {
    return id < this.end[0]! && this.words[(id * RECORD_BYTES) / 4] !== 0;
  }

  read(): ServerRecord[] {
    const records: ServerRecord[] = [];
    for (let id = 0; id < this.end[0]!; id++) {
      if (!this.has(id)) continue;
      const start = id * RECORD_BYTES + TEXT_AT;
      const text = this.bytes.toString('utf8', start, start + this.words[(id * RECORD_BYTES) / 4]!);
      const [service, address] = JSON.parse(text) as [ServiceAddress, ServerAddress];
      records.push({ id, service, address });
    }
    return records;
  }

  saveCounters({ id, traffic, serviceTraffic }: CountedServer): void {
    if (id >= this.capacity) return;
    const at = (id * RECORD_BYTES + COUNTERS_AT) / 8;
    for (const [index, name] of COUNTERS.entries()) {
      this.counters[at + index] = traffic[name];
      this.counters[at + COUNTERS.length + index] = serviceTraffic[name];
    }
  }

  /** Of the server, and of its service. */
  readCounters(id: number): { readonly server: TrafficCounters; readonly service: TrafficCounters } {
    const at = (id * RECORD_BYTES + COUNTERS_AT) / 8;
    const from = (first: number) =>
      Object.fromEntries(
        COUNTERS.map((name, index) => [name, this.counters[first + index]!]),
      ) as unknown as TrafficCounters;
    return { server: from(at), service: from(at + COUNTERS.length) };
  }
}
