/**
 * The memory of the maps, as native/bpf/layout.h has it, field by field (test/xdp/layout.test.ts compares). Numbers
 * are in host order; a MAC address is the low 48 bits of a word, as it stands in a frame.
 */
import { struct, U8, U16, U32, U64 } from './struct.ts';

export const LAYOUT_VERSION = 2;
export const WAYS = 4;
export const CELLS = 16;
export const SERVICE_PROBES = 16;
export const OWN_ADDRESS_WORDS = 64;
export const MAX_WAITING_BYTES = 2048;
const TCP_STATES = 11;
const SCTP_STATES = 14;

export const CONFIG = struct({
  layoutVersion: U32,
  ticks: U32,
  ownMac: U64,
  seed: [U64, 11],
  services4: U32,
  services6: U32,
  marked4: U32,
  marked6: U32,
  markRules: U32,
  hasFtp: U32,
  hasAnyPort: U32,
  connReuseMode: U32,
  expireNodestConn: U32,
  expireQuiescentTemplate: U32,
  failedConnections: U32,
  secondChance: U32,
  scheduleIcmp: U32,
  sloppyTcp: U32,
  sloppySctp: U32,
  isSecure: U32,
  dropRate: U32,
  dropCounter: U32,
  limitsClients: U32,
  newTimeout: U32,
  udpTimeout: U32,
  tcpTimeout: [U32, TCP_STATES],
  sctpTimeout: [U32, SCTP_STATES],
  waitingUntil: U32,
  lastVerdict: U32,
  dayOffsetMs: U64,
  ownAddresses: [U64, OWN_ADDRESS_WORDS],
});

export const ServiceFlag = { IsMark: 1, OnePacket: 2, Sip: 4 } as const;

/** By number: enum scheduler. */
export const SCHEDULERS = 'none rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh'.split(' ');

export const SERVICE = struct({
  address: [U32, 4],
  port: U16,
  protocol: U8,
  version: U8,
  flags: U32,
  persistentSec: U32,
  netmask: U32,
  scheduler: U32,
  schedulerFlags: U32,
  list: U32,
  serverCount: U32,
  table: U32,
  tableSize: U32,
  place: U64,
  maxWeight: U32,
  step: U32,
  instance: U32,
  added: U32,
  inUse: U32,
  strays: U32,
  spare: [U32, 8],
});

export const SERVICE_SLOT = struct({
  address: [U32, 4],
  port: U16,
  protocol: U8,
  version: U8,
  service: U32,
  spare: [U32, 2],
});

export const CELL_LINE = struct({ server: [U32, CELLS] });

export const ReachNumber = { Unresolved: 0, Neighbor: 1, Local: 2, Unreachable: 3 } as const;
export const ServerFlag = { Listed: 1, TakesConnectionsAlong: 2, Failed: 4 } as const;
/** Added to the IP version in serviceKind. */
export const SERVICE_KIND_MARK = 16;

export const SERVER = struct({
  nextHop: U64,
  source: U64,
  load: U64,
  persistent: U32,
  weight: U32,
  upper: U32,
  lower: U32,
  overloaded: U32,
  flags: U32,
  lastAlive: U32,
  configuredWeight: U32,
  address: [U32, 4],
  serviceAddress: [U32, 4],
  port: U16,
  servicePort: U16,
  serviceProtocol: U8,
  version: U8,
  serviceKind: U8,
  inUse: U8,
  forwarding: U32,
  configuredLower: U32,
  lastWeight: U32,
  tunnel: U32,
  generation: U32,
  spare: [U32, 3],
});

export const Kind = {
  Template: 0x10000,
  Live: 0x1000000,
  Spilled: 0x4000000,
  Invalidated: 0x8000000,
} as const;
export const StateBits = {
  State: 0xff,
  Inactive: 0x100,
  NoOutput: 0x200,
  CountShift: 10,
  CountMask: 0xf,
  /** Of a template. */
  Assured: 0x80,
} as const;
/** The link of a template says how many connections depend on it: native/bpf/layout.h. */
export const LinkBits = { IsTemplate: 0x80000000, IsSole: 0x40000000, CountMask: 0x1f } as const;
export const dependentsIn = (link: number): number =>
  link & LinkBits.IsSole ? link & LinkBits.CountMask : link & ~LinkBits.IsTemplate;

export const CONNECTION = struct({ ports: U32, kind: U32, server: U32, expires: U32, state: U32, link: U32 });
export const CONNECTION4 = struct({ client: U32, virtual: U32, connection: CONNECTION });
export const CONNECTION6 = struct({
  client: [U32, 4],
  virtual: [U32, 4],
  connection: CONNECTION,
  spare: [U32, 2],
});

export const BUCKETS_PER_GROUP = 8;
export const GROUPS = 16;
export const GROUP_SPILLS = 0x7fffffff;
export const GROUP_LINE = struct({ word: [U32, GROUPS] });

export const TRAFFIC = struct({
  connections: U64,
  inPackets: U64,
  outPackets: U64,
  inBytes: U64,
  outBytes: U64,
  foreign: U64,
  spare: [U64, 2],
});

export const ZEROED = struct({
  connections: U64,
  inPackets: U64,
  outPackets: U64,
  inBytes: U64,
  outBytes: U64,
  spare: [U64, 3],
});

/** Frames by verdict, and what made room by RoomMaker. */
export const VERDICT_COUNTS = struct({ frames: [U64, 80], madeRoom: [U64, 8] });

export const MARK_RULE = struct({
  destination: [U32, 4],
  source: [U32, 4],
  firstPort: U16,
  lastPort: U16,
  version: U8,
  protocol: U8,
  destinationBits: U8,
  sourceBits: U8,
  mark: U32,
  rule: U32,
  hasSources: U32,
  hasPorts: U32,
  spare: [U32, 2],
});

export const ADDRESS_KEY = struct({ address: [U32, 4], version: U32 });

export const NOTE_BYTES = 2040;
export const NOTE = struct({ length: U32, text: [U8, NOTE_BYTES] });
export const NOTES = struct({ inForce: U32, spare: U32, note0: NOTE, note1: NOTE });

export const EventKind = { WaitingFragment: 1, FirstFragment: 2, ArpConflict: 3 } as const;
export const DATAGRAM_KEY = struct({ client: [U32, 4], virtual: [U32, 4], identification: U32, kind: U32 });
export const DATAGRAM = struct({ server: U32, expires: U32 });

export const SERVER_BITS = 20;
export const CACHE_SERVERS = 32;
export const CACHE_KEY = struct({ address: [U32, 4], instance: U32 });
export const CACHE_ENTRY = struct({
  lastUsed: U32,
  lastChanged: U32,
  count: U32,
  servers: [U32, CACHE_SERVERS],
});

export const REPLY_CLIENT = struct({ client: U32, credit: U32, refilled: U32 });
/** One REPLY_CLIENT after the other follows. */
export const REPLIES = struct({ tokens: U32, refilled: U32, clients: REPLY_CLIENT });

export const EVENT = struct({ kind: U32, address: U32, mac: U64, datagram: DATAGRAM_KEY });
export const WAITING_EVENT = struct({
  event: EVENT,
  length: U32,
  ifindex: U32,
  frame: [U8, MAX_WAITING_BYTES],
});

export const SWEEP_ARGUMENTS = struct({
  version: U32,
  firstLine: U32,
  lineCount: U32,
  serversTakeAlong: U32,
  expired: U32,
  live: U32,
  ticks: U32,
});

export const END_ARGUMENTS = struct({ version: U32, slot: U32 });
