/** One version of a virtual service as the program sees it: struct service of native/bpf/layout.h. */
import type { ServiceAddress, ServiceOptions } from '../service/model.ts';
import type { RealServer } from '../service/real-server.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { renderIp } from '../wire/address.ts';
import type { Blocks } from './blocks.ts';
import { CELL_LINE, CELLS, SCHEDULERS, SERVICE, ServiceFlag } from './layout.ts';
import type { Memory } from './memory.ts';
import type { PublishedScheduler } from './scheduler.ts';
import { protocolName } from './server-record.ts';
import { endpointOf } from './service-slots.ts';

const { at } = SERVICE;

/** Numbers of servers in a row of cells. */
export interface CellRun {
  readonly first: number;
  readonly count: number;
}

export const NO_CELLS: CellRun = { first: 0, count: 0 };

/** Undefined: no room is left. */
export function writeCells(
  memory: Memory,
  blocks: Blocks,
  servers: readonly RealServer[],
): CellRun | undefined {
  if (servers.length === 0) return NO_CELLS;
  const first = blocks.take(servers.length);
  if (first === undefined) return undefined;
  for (const [index, { id }] of servers.entries()) {
    const cell = first + index;
    memory.set32(Math.floor(cell / CELLS), CELL_LINE.at.server + 4 * (cell % CELLS), id);
  }
  return { first, count: servers.length };
}

export const readCell = (memory: Memory, cell: number): number =>
  memory.get32(Math.floor(cell / CELLS), CELL_LINE.at.server + 4 * (cell % CELLS));

export interface ServiceVersion {
  readonly service: VirtualService;
  readonly scheduler: PublishedScheduler | undefined;
  readonly list: CellRun;
  readonly table: CellRun;
  /** The order of adding. */
  readonly added: number;
  /** What the versions before it counted. */
  readonly strays: number;
}

export function writeService(
  memory: Memory,
  element: number,
  { service, scheduler, list, table, added, strays }: ServiceVersion,
): void {
  const { address, options } = service;
  const endpoint = endpointOf(address);
  const flags =
    ('fwmark' in address ? ServiceFlag.IsMark : 0) |
    (options.onePacket ? ServiceFlag.OnePacket : 0) |
    (options.persistenceEngine === 'sip' ? ServiceFlag.Sip : 0);
  memory.clear(element);
  memory.setWords(element, at.address, endpoint.words);
  memory.set16(element, at.port, endpoint.port);
  memory.set8(element, at.protocol, endpoint.protocol);
  memory.set8(element, at.version, endpoint.version);
  memory.set32(element, at.flags, flags);
  memory.set32(element, at.persistentSec, options.persistentSec);
  memory.set32(element, at.netmask, options.netmask);
  memory.set32(element, at.scheduler, SCHEDULERS.indexOf(options.scheduler));
  memory.set32(element, at.schedulerFlags, options.schedulerFlags);
  memory.set32(element, at.list, list.first);
  memory.set32(element, at.serverCount, list.count);
  memory.set32(element, at.table, table.first);
  memory.set32(element, at.tableSize, table.count);
  memory.set64(element, at.place, scheduler?.place ?? 0n);
  memory.set32(element, at.maxWeight, scheduler?.maxWeight ?? 0);
  memory.set32(element, at.step, scheduler?.step ?? 0);
  memory.set32(element, at.instance, scheduler?.instance ?? 0);
  memory.set32(element, at.added, added);
  memory.set32(element, at.strays, strays);
  memory.set32(element, at.inUse, 1);
}

export const readPlace = (memory: Memory, element: number): bigint => memory.get64(element, at.place);
/** Connections that this version and those before it gave to servers of other services. */
export const readStrays = (memory: Memory, element: number): number => memory.get32(element, at.strays);
export const releaseService = (memory: Memory, element: number): void => memory.set32(element, at.inUse, 0);

/** What a service in use is, and where its cells are. Undefined: the element is not in use. */
export interface RecordedService {
  readonly element: number;
  readonly address: ServiceAddress;
  readonly options: ServiceOptions;
  readonly list: CellRun;
  readonly table: CellRun;
  readonly place: bigint;
  readonly instance: number;
  readonly added: number;
}

export function readService(memory: Memory, element: number): RecordedService | undefined {
  if (memory.get32(element, at.inUse) === 0) return undefined;
  const word = (offset: number) => memory.get32(element, offset);
  return {
    element,
    address: readAddress(memory, element),
    options: readOptions(memory, element),
    list: { first: word(at.list), count: word(at.serverCount) },
    table: { first: word(at.table), count: word(at.tableSize) },
    place: readPlace(memory, element),
    instance: word(at.instance),
    added: word(at.added),
  };
}

function readAddress(memory: Memory, element: number): ServiceAddress {
  const version = memory.get8(element, at.version) === 6 ? 6 : 4;
  const words = memory.words(element, at.address);
  if ((memory.get32(element, at.flags) & ServiceFlag.IsMark) !== 0)
    return { fwmark: words[0] >>> 0, family: version };
  return {
    protocol: protocolName(memory.get8(element, at.protocol)),
    address: renderIp({ version, words }),
    port: memory.get16(element, at.port),
  };
}

function readOptions(memory: Memory, element: number): ServiceOptions {
  const flags = memory.get32(element, at.flags);
  return {
    scheduler: SCHEDULERS[memory.get32(element, at.scheduler)]!,
    schedulerFlags: memory.get32(element, at.schedulerFlags),
    persistentSec: memory.get32(element, at.persistentSec),
    netmask: memory.get32(element, at.netmask),
    onePacket: (flags & ServiceFlag.OnePacket) !== 0,
    persistenceEngine: (flags & ServiceFlag.Sip) !== 0 ? 'sip' : '',
  };
}
