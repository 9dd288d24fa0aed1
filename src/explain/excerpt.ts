/**
 * What one packet can touch of a datapath's state, as plain data: enough to build a path that does with this packet
 * what the live one would. It travels from the datapath process to the daemon. Times are ticks (clock.ts).
 */
import type {
  ConnectionTimeouts,
  MarkRule,
  ServerAddress,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
} from '../service/model.ts';
import type { Reach } from '../service/real-server.ts';
import type { Settings } from '../service/settings.ts';
import type { MacAddress } from '../wire/address.ts';
import type { Slice } from '../wire/slice.ts';

export interface Excerpt {
  readonly now: number;
  /** Of which clients the datapath process has the connections. */
  readonly slice: Slice;
  readonly ownMac: MacAddress;
  /** IPv4 addresses of this host, signed words. */
  readonly ownAddresses: readonly number[];
  readonly settings: Settings;
  readonly timeouts: ConnectionTimeouts;
  readonly marks: readonly MarkRule[];
  /** secure_tcp is in force. */
  readonly isSecure: boolean;
  /** It is the next first packet's turn to be dropped by drop_packet. */
  readonly dropsFirst: boolean;
  /** A SYN flood is on, and this packet's connection is not among those whose first SYN came. */
  readonly isFirstSyn: boolean;
  /** The limits would let an ICMP answer to this packet's client through. */
  readonly mayReply: boolean;
  readonly room: RoomExcerpt;
  /** Those at the packet's virtual address and those of firewall marks; at least one of its IP version if there is one. */
  readonly services: readonly ServiceExcerpt[];
  /** serviceKey() of the one that the packet is for; null: none. */
  readonly matched: string | null;
  /** Those of the matched service, and whoever else is referred to. */
  readonly servers: readonly ServerExcerpt[];
  readonly connection: ConnectionExcerpt | null;
  /** Of the packet's client and the matched service. */
  readonly template: TemplateExcerpt | null;
  /** Of a later fragment. */
  readonly datagram: { readonly server: number; readonly expires: number } | null;
}

export interface RoomExcerpt {
  /** Free places, at most as many as a packet takes: 2. */
  readonly free: number;
  /** Whether somebody makes room, and once more, when there is none. */
  readonly makes: readonly boolean[];
}

export interface ServiceExcerpt {
  readonly service: ServiceAddress;
  readonly options: ServiceOptions;
  /** Numbers of servers, the one added last first. Empty for a service that is not the matched one. */
  readonly servers: readonly number[];
  /** Scheduler.readPlace() */
  readonly place: readonly number[] | null;
  /** What lblc or lblcr remembers for the packet's destination: numbers of servers. */
  readonly memory: {
    readonly servers: readonly number[];
    readonly lastUsed: number;
    readonly lastChanged: number;
  } | null;
}

export interface ServerExcerpt {
  readonly id: number;
  readonly service: ServiceAddress;
  readonly address: ServerAddress;
  readonly options: ServerOptions;
  readonly reach: Reach;
  /** MAC of the other interface by which frames to it leave; null: by the director's own. */
  readonly sourceMac: MacAddress | null;
  readonly isListed: boolean;
  readonly lastWeight: number;
  readonly isOverloaded: boolean;
  /** 0: never. */
  readonly lastAlive: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
}

type Words = readonly [number, number, number, number];

interface EntryExcerpt {
  readonly ipVersion: 4 | 6;
  readonly protocol: number;
  readonly client: Words;
  readonly virtual: Words;
  readonly clientPort: number;
  readonly virtualPort: number;
  /** Its number. */
  readonly server: number;
  readonly expires: number;
  readonly state: number;
}

export interface TemplateExcerpt extends EntryExcerpt {
  /** Ticks that it lives after each use. */
  readonly timeout: number;
  readonly dependents: number;
}

export interface ConnectionExcerpt extends EntryExcerpt {
  readonly isInactive: boolean;
  /** Answers of this host were seen. */
  readonly hasSeenOutput: boolean;
  /** From the client, up to some number that says "many". */
  readonly packets: number;
  readonly template: TemplateExcerpt | null;
}
