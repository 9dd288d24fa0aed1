/** What the packet path works on. One for each interface; no two processes work on it at once. */
import { ConnectionTable, NO_CONNECTION, type TableMemory } from '../connection/connection-table.ts';
import { type StateTimeouts, stateTimeouts } from '../connection/timeouts.ts';
import type { FrameSink } from '../engine/engine.ts';
import { DEFAULT_TIMEOUTS } from '../service/configuration.ts';
import type { RealServer } from '../service/real-server.ts';
import { ServerRegistry } from '../service/server-registry.ts';
import { ServiceTable } from '../service/service-table.ts';
import { DEFAULT_SETTINGS, type Settings } from '../service/settings.ts';
import type { MacAddress } from '../wire/address.ts';
import { Packet } from '../wire/packet.ts';
import { type Slice, WHOLE } from '../wire/slice.ts';
import { Defense } from './defense.ts';
import { MAX_DATAGRAMS } from './fragments.ts';
import { ReplyLimit } from './reply-limit.ts';
import { Room } from './room.ts';
import { SynFlood } from './syn-flood.ts';
import { VERDICT_COUNT, Verdict } from './verdict.ts';
import { createWaitingBuffer, WaitingFragments } from './waiting-fragments.ts';

export interface Path {
  readonly sink: FrameSink;
  readonly packet: Packet;
  readonly connections: ConnectionTable;
  readonly registry: ServerRegistry;
  /** Swapped between two frames. */
  services: ServiceTable;
  timeouts: StateTimeouts;
  settings: Settings;
  /** Of the interface: what frames to us are addressed to, and the source of what we send. */
  ownMac: MacAddress;
  /** IPv4 addresses of this host, as signed words. No frame from outside has one as its source. */
  ownAddresses: ReadonlySet<number>;
  /** The key of a template or datagram that is looked up. */
  readonly key: Packet;
  /** Servers of datagrams that come in fragments. */
  readonly datagrams: ConnectionTable;
  /** Entry of the datagram that made room last. */
  oldestDatagram: number;
  readonly waiting: WaitingFragments;
  /** Where a fragment that waited is handled. */
  readonly waited: DataView;
  /** The last packet's connection. */
  connection: number;
  /** Whom the last frame was for; undefined: nobody. */
  server: RealServer | undefined;
  /** Why the last packet got no connection. */
  refusal: Verdict;
  /** Ticks (clock.ts). Set by whoever calls forward(). */
  now: number;
  /** Frames by Verdict. */
  readonly verdicts: Float64Array;
  readonly replies: ReplyLimit;
  readonly defense: Defense;
  readonly synFlood: SynFlood;
  /** For what is new when the table of connections is full. */
  readonly room: Room;
}

export interface PathOptions {
  readonly sink: FrameSink;
  readonly ownMac: MacAddress;
  readonly connectionTableSize: number;
  /** Two random 32-bit words. */
  readonly seed: readonly [number, number];
  /** Undefined: the process's own. */
  readonly memory?: PathMemory;
  /** Of which clients frames come; undefined: of all. */
  readonly slice?: Slice;
}

/** What of a path may lie in memory that outlives its process. */
export interface PathMemory {
  readonly connections: TableMemory;
  readonly datagrams: TableMemory;
  readonly verdicts: Float64Array;
}

export function createPath(options: PathOptions): Path {
  const { sink, ownMac, connectionTableSize, seed, memory, slice = WHOLE } = options;
  return {
    sink,
    packet: new Packet(),
    connections: new ConnectionTable(connectionTableSize, seed, memory?.connections),
    registry: new ServerRegistry(slice),
    services: ServiceTable.empty(),
    timeouts: stateTimeouts(DEFAULT_TIMEOUTS),
    settings: DEFAULT_SETTINGS,
    ownMac,
    ownAddresses: new Set(),
    key: new Packet(),
    datagrams: new ConnectionTable(MAX_DATAGRAMS, seed, memory?.datagrams),
    oldestDatagram: 0,
    waiting: new WaitingFragments(),
    waited: createWaitingBuffer(),
    connection: NO_CONNECTION,
    server: undefined,
    refusal: Verdict.Continue,
    now: 0,
    verdicts: memory?.verdicts ?? new Float64Array(VERDICT_COUNT),
    replies: new ReplyLimit(),
    defense: new Defense(),
    synFlood: new SynFlood(),
    room: new Room(connectionTableSize),
  };
}
