/**
 * Service table -> maps. A service is published as a new version, which one word makes the one that frames get; what
 * an edit did not touch is not written. Servers are written in place, each field in one store.
 */
import { DirectorError } from '../errors.ts';
import { serviceKey } from '../service/configuration.ts';
import type { ServiceAddress } from '../service/model.ts';
import type { RealServer } from '../service/real-server.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { AddressSet } from './addresses.ts';
import { Blocks } from './blocks.ts';
import { CELLS } from './layout.ts';
import type { Program } from './program.ts';
import type { PublishedScheduler } from './scheduler.ts';
import {
  isRecordInUse,
  isRecordListed,
  releaseRecord,
  type Way,
  writeFlags,
  writeIdentity,
  writeOptions,
  writeWay,
} from './server-record.ts';
import {
  type CellRun,
  NO_CELLS,
  type RecordedService,
  readPlace,
  readStrays,
  releaseService,
  writeCells,
  writeService,
} from './service-record.ts';
import { endpointOf, ServiceSlots } from './service-slots.ts';
import { ServiceTally } from './service-tally.ts';
import type { TrafficReader } from './traffic-reader.ts';

/** What the maps hold of a service. */
interface Published {
  readonly service: VirtualService;
  readonly element: number;
  readonly list: CellRun;
  readonly table: CellRun;
  readonly added: number;
  /** Strays that were counted for the service already. */
  strays: number;
}

export class Publisher {
  private readonly program: Program;
  private readonly slots: ServiceSlots;
  private readonly elements: Blocks;
  private readonly cells: Blocks;
  private readonly virtualAddresses: AddressSet;
  private readonly tally: ServiceTally;
  private readonly traffic: TrafficReader;
  private readonly published = new Map<string, Published>();
  /** What of each server was written last. */
  private readonly written = new Map<RealServer, Pick<RealServer, 'options' | 'isListed'>>();
  private additions = 0;

  constructor(program: Program, traffic: TrafficReader) {
    this.program = program;
    this.traffic = traffic;
    this.slots = new ServiceSlots(program.serviceIndex);
    // Element 0 stands for no service.
    this.elements = new Blocks(1, program.services.count);
    this.cells = new Blocks(0, program.cells.count * CELLS);
    this.virtualAddresses = new AddressSet(program.object, 'virtual_addresses');
    this.tally = new ServiceTally(program.config);
  }

  /** What an earlier process published stays where it is until the same service is published anew. */
  adopt(recorded: readonly { readonly record: RecordedService; readonly service: VirtualService }[]): void {
    const runs = recorded.flatMap(({ record: { list, table } }) => [list, table]);
    this.elements.adopt(recorded.map(({ record }) => ({ start: record.element, count: 1 })));
    this.cells.adopt(
      runs.filter(({ count }) => count > 0).map(({ first, count }) => ({ start: first, count })),
    );
    for (const { record, service } of recorded) {
      const { element, list, table, added } = record;
      this.published.set(serviceKey(service.address), { service, element, list, table, added, strays: 0 });
      this.additions = Math.max(this.additions, added);
      this.tally.add(service);
    }
  }

  /** Takes over where a scheduler has come to, before its servers change. */
  readPlace(key: string, scheduler: PublishedScheduler): void {
    const published = this.published.get(key);
    if (published !== undefined) scheduler.place = readPlace(this.program.services, published.element);
  }

  /** Counts for each service the connections that went to servers of others. */
  takeStrays(): void {
    for (const published of this.published.values()) this.takeStraysOf(published);
  }

  /**
   * Makes the maps follow one service, which is new, changed, or gone. Throws OUT_OF_RANGE where they have no room: the
   * service is as it was then, and what was taken is given back.
   */
  follow(key: string, service: VirtualService | undefined, way: (server: RealServer) => Way): void {
    const before = this.published.get(key);
    if (service === undefined) {
      if (before !== undefined) this.withdraw(key, before);
      return;
    }
    const { servers } = this.program;
    const changed = service.listed.filter((server) => !this.isWritten(server));
    // Who is to take connections does so before who takes none any more stops: at each moment somebody does.
    const stops = ({ id, weight, hasFailed }: RealServer) =>
      (weight === 0 || hasFailed) && isRecordListed(servers, id);
    const stopping = new Set(changed.filter(stops));
    for (const server of changed) if (!stopping.has(server)) this.writeServer(server, way(server));
    if (before?.service !== service) this.publish(key, service, before);
    for (const server of stopping) this.writeServer(server, way(server));
    const left = before?.service.listed.filter((server) => !server.isListed) ?? [];
    for (const server of left) this.writeFlags(server);
  }

  /** All services whose keys are not in `present` go. */
  retain(present: ReadonlySet<string>): void {
    for (const [key, published] of this.published) if (!present.has(key)) this.withdraw(key, published);
  }

  writeServer(server: RealServer, way: Way): void {
    const { servers } = this.program;
    if (!isRecordInUse(servers, server.id)) {
      this.traffic.begin(server.id);
      writeIdentity(servers, server);
    }
    writeOptions(servers, server);
    writeWay(servers, server, way);
    this.writeFlags(server);
  }

  private writeFlags(server: RealServer): void {
    const { options, isListed } = server;
    writeFlags(this.program.servers, server);
    this.written.set(server, { options, isListed });
  }

  /** What an edit changes of a server is as the record has it. */
  private isWritten(server: RealServer): boolean {
    const written = this.written.get(server);
    return (
      written !== undefined && written.options === server.options && written.isListed === server.isListed
    );
  }

  forget(server: RealServer): void {
    this.written.delete(server);
    releaseRecord(this.program.servers, server.id);
  }

  /** Where the program has a service; undefined: it has none of this key. */
  elementOf(key: string): number | undefined {
    return this.published.get(key)?.element;
  }

  /** Where a service is published, and how many strays it has been counted. */
  countedBy(address: ServiceAddress): Pick<Published, 'element' | 'strays'> | undefined {
    return this.published.get(serviceKey(address));
  }

  get keys(): Iterable<string> {
    return this.published.keys();
  }

  private publish(key: string, service: VirtualService, before: Published | undefined): void {
    const { program } = this;
    const scheduler = service.scheduler as PublishedScheduler | undefined;
    const list = this.listOf(service, before);
    const table = orElse(
      () => this.tableOf(service, scheduler, before),
      () => this.releaseUnless(list, before?.list),
    );
    // One that was deleted and added in one go is another one, with traffic of its own.
    const isNew = before?.service.traffic !== service.traffic;
    const isSame =
      !isNew &&
      before !== undefined &&
      list === before.list &&
      table === before.table &&
      service.options === before.service.options &&
      scheduler?.isChanged !== true;
    const added = isNew ? ++this.additions : before!.added;
    if (before !== undefined) this.takeStraysOf(before);
    const strays = isNew ? 0 : before!.strays;
    let element = before?.element ?? 0;
    if (!isSame) {
      element = orElse(
        () => this.placeOf(service.address),
        () => {
          this.releaseUnless(list, before?.list);
          this.releaseUnless(table, before?.table);
        },
      );
      writeService(program.services, element, { service, scheduler, list, table, added, strays });
      if (isNew) program.servicesZeroed.clear(element);
      else program.servicesZeroed.copy(before!.element, element);
      if (before === undefined) this.tally.add(service);
      this.slots.set(endpointOf(service.address), element);
      if (before !== undefined) this.replace(before, service, list, table);
      this.addAddress(service.address);
    }
    if (scheduler !== undefined) scheduler.isChanged = false;
    this.published.set(key, { service, element, list, table, added, strays });
  }

  /** A place of its own that the index will lead to. */
  private placeOf(address: ServiceAddress): number {
    if (!this.slots.hasPlaceFor(endpointOf(address))) refuse('service_index', address);
    return this.elements.take(1) ?? refuse('services', address);
  }

  private listOf({ address, servers }: VirtualService, before: Published | undefined): CellRun {
    if (before !== undefined && isSameList(servers, before.service.servers)) return before.list;
    return writeCells(this.program.cells, this.cells, servers) ?? refuse('cells', address);
  }

  private tableOf(
    { address, scheduler: after }: VirtualService,
    scheduler: PublishedScheduler | undefined,
    before: Published | undefined,
  ): CellRun {
    if (before !== undefined && before.service.scheduler === after && scheduler?.isChanged !== true)
      return before.table;
    const servers = scheduler?.table ?? [];
    if (servers.length === 0) return NO_CELLS;
    return writeCells(this.program.cells, this.cells, servers) ?? refuse('cells', address);
  }

  /** Gives up what the version before took, but for what the new one goes on to use. */
  private replace(before: Published, service: VirtualService, list: CellRun, table: CellRun): void {
    this.tally.replace(before.service, service);
    this.takeStraysOf(before);
    this.releaseElement(before);
    this.releaseUnless(before.list, list);
    this.releaseUnless(before.table, table);
  }

  private withdraw(key: string, published: Published): void {
    const { service } = published;
    this.slots.remove(endpointOf(service.address));
    this.tally.remove(service);
    this.published.delete(key);
    this.releaseElement(published);
    this.releaseCells(published.list);
    this.releaseCells(published.table);
    this.removeAddress(service.address);
    for (const server of service.listed) this.writeFlags(server);
  }

  private takeStraysOf(published: Published): void {
    const strays = readStrays(this.program.services, published.element);
    published.service.traffic.connections += strays - published.strays;
    published.strays = strays;
  }

  private releaseElement({ element }: Published): void {
    releaseService(this.program.services, element);
    this.elements.release(element, 1);
  }

  private releaseUnless(cells: CellRun, stays: CellRun | undefined): void {
    if (cells !== stays) this.releaseCells(cells);
  }

  private releaseCells({ first, count }: CellRun): void {
    if (count > 0) this.cells.release(first, count);
  }

  private addAddress(address: ServiceAddress): void {
    if ('address' in address) this.virtualAddresses.add(address.address);
  }

  /** Unless another service has it, too. */
  private removeAddress(address: ServiceAddress): void {
    if (!('address' in address) || this.tally.hasAddress(address.address)) return;
    this.virtualAddresses.remove(address.address);
  }
}

const isSameList = (a: readonly RealServer[], b: readonly RealServer[]): boolean =>
  a === b || (a.length === b.length && a.every((server, index) => server === b[index]));

/** The daemon keeps within the limits that the maps were made for; the index may still have no place near enough. */
function refuse(map: string, address: ServiceAddress): never {
  throw new DirectorError('OUT_OF_RANGE', `the map ${map} has no room left for ${serviceKey(address)}`, {
    map,
  });
}

function orElse<T>(take: () => T, giveBack: () => void): T {
  try {
    return take();
  } catch (error) {
    giveBack();
    throw error;
  }
}
