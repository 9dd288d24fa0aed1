/** A virtual service of one scheduler, with real servers that are called by number: 10.10.0.<number>. */
import { createScheduler } from '../../src/schedule/registry.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { ServerAddress, ServerOptions, ServiceAddress } from '../../src/service/model.ts';
import type { RealServer } from '../../src/service/real-server.ts';
import { ServerRegistry } from '../../src/service/server-registry.ts';
import { ServiceTable } from '../../src/service/service-table.ts';
import type { VirtualService } from '../../src/service/virtual-service.ts';
import { parseIp } from '../../src/wire/address.ts';
import { Packet } from '../../src/wire/packet.ts';

const SERVICE: ServiceAddress = { protocol: 'tcp', address: '10.10.0.100', port: 80 };

export type Limits = Partial<Pick<ServerOptions, 'upperThreshold' | 'lowerThreshold'>>;

export class Pool {
  private readonly registry = new ServerRegistry();
  private readonly address: ServiceAddress;
  private configuration = EMPTY_CONFIGURATION;
  private table = ServiceTable.empty();

  constructor(scheduler: string, schedulerFlags = 0, address = SERVICE) {
    this.address = address;
    this.schedule('add-service', scheduler, schedulerFlags);
  }

  /** Numbers from 1, added in that order: the last is the first that a scheduler sees. */
  static of(scheduler: string, weights: readonly number[], schedulerFlags = 0): Pool {
    const pool = new Pool(scheduler, schedulerFlags);
    weights.forEach((weight, index) => {
      pool.add(index + 1, weight);
    });
    return pool;
  }

  schedule(op: 'add-service' | 'edit-service', scheduler: string, schedulerFlags: number): void {
    const options = { persistentSec: 0, netmask: 0xffffffff, onePacket: false, persistenceEngine: '' };
    this.apply({ op, service: this.address, options: { scheduler, schedulerFlags, ...options } });
  }

  add(number: number, weight = 1, limits: Limits = {}): void {
    const edit = { server: serverAddress(number), options: serverOptions(weight, limits) };
    this.apply({ op: 'add-server', service: this.address, ...edit });
  }

  edit(number: number, weight: number, limits: Limits = {}): void {
    const edit = { server: serverAddress(number), options: serverOptions(weight, limits) };
    this.apply({ op: 'edit-server', service: this.address, ...edit });
  }

  remove(number: number): void {
    this.apply({ op: 'delete-server', service: this.address, server: serverAddress(number) });
  }

  get service(): VirtualService {
    return this.table.get(this.address)!;
  }

  server(number: number): RealServer {
    return this.service.servers.find((server) => numberOf(server) === number)!;
  }

  /** The server of a new connection, which is not counted. `now` in ticks. */
  choose(packet = PACKET, now = 0): RealServer | undefined {
    return this.service.scheduler?.choose(this.service, packet, now);
  }

  /** The numbers of so many servers in turn; '-': none. */
  pick(count: number, packet = PACKET): string {
    return Array.from({ length: count }, () => numberOf(this.choose(packet)) ?? '-').join(' ');
  }

  /** Like pick(), and each gets an active connection. */
  open(count: number, packet = PACKET): string {
    const opened = Array.from({ length: count }, () => {
      const server = this.choose(packet);
      if (server === undefined) return '-';
      server.activeConnections++;
      server.updateOverload();
      return numberOf(server);
    });
    return opened.join(' ');
  }

  private apply(edit: Parameters<typeof applyEdit>[1]): void {
    this.configuration = applyEdit(this.configuration, edit);
    this.table = this.table.next(this.configuration, this.registry, createScheduler);
  }
}

export const numberOf = (server: { readonly address: ServerAddress } | undefined): number | undefined =>
  server && Number(server.address.address.split('.')[3]);

const serverAddress = (number: number): ServerAddress => ({ address: `10.10.0.${number}`, port: 80 });

const serverOptions = (
  weight: number,
  { upperThreshold = 0, lowerThreshold = 0 }: Limits,
): ServerOptions => ({
  forwarding: 'direct-route',
  weight,
  upperThreshold,
  lowerThreshold,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
});

/** A packet as decode() leaves it. */
export function packetOf(client: string, clientPort: number, virtual = '10.10.0.100'): Packet {
  const packet = new Packet();
  const [client0, client1, client2, client3] = parseIp(client)!.words;
  const [virtual0, virtual1, virtual2, virtual3] = parseIp(virtual)!.words;
  const ends = { client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 };
  return Object.assign(packet, ends, { clientPort, virtualPort: 80, hasPorts: true });
}

const PACKET = packetOf('10.10.1.9', 40001);
