/**
 * What an operator configures, as plain data: the words of ipvsadm in the shapes that travel over the
 * control socket, to the datapath process and into rules files. Addresses are text here (canonical: IPv4
 * dotted quad, IPv6 compressed, RFC 5952); the packet path has its own numeric form (virtual-service.ts).
 */
export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** What names a virtual service: protocol, virtual address and port, or a firewall mark and a family. */
export type ServiceAddress =
  | { readonly protocol: TransportProtocol; readonly address: string; readonly port: number }
  | { readonly fwmark: number; readonly family: 4 | 6 };

export interface ServiceOptions {
  /** Name as ipvsadm's -s takes it; `none` is a service without scheduler, as in IPVS. */
  readonly scheduler: string;
  /** Bits of linux/ip_vs.h, IP_VS_SVC_F_SCHED1 … 3: 8, 16, 32; the first two are fallback and port of sh and mh. */
  readonly schedulerFlags: number;
  /** Seconds that a template lives; 0: not persistent. */
  readonly persistentSec: number;
  /** Granularity of persistence. IPv4: a mask, host order (0xffffffff: each client). IPv6: prefix length. */
  readonly netmask: number;
  readonly onePacket: boolean;
  /** Name of the persistence engine (`sip`); empty: none. */
  readonly persistenceEngine: string;
}

/** What names a real server within its service. */
export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

export type ForwardingMethod = 'direct-route' | 'tunnel' | 'masquerade';

export interface TunnelOptions {
  readonly type: 'ipip' | 'gue' | 'gre';
  /** GUE only; 0 otherwise. */
  readonly port: number;
  readonly checksum: 'none' | 'csum' | 'remcsum';
}

export interface ServerOptions {
  readonly forwarding: ForwardingMethod;
  /** 0: quiesced, takes no new connection. */
  readonly weight: number;
  /** Connections (active and inactive) above which the server takes no more; 0: no limit. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly tunnel: TunnelOptions;
  /** The daemon's word, as is the next: the weight in force instead of the configured one, while it drains or starts slowly. */
  readonly weightInForce?: number;
  /** It failed its checks: no scheduler sees it, and templates do not lead to it. */
  readonly failed?: true;
  /** The daemon put it there, since no other server of the service can take connections. */
  readonly sorry?: true;
}

/** Seconds; as ipvsadm --set prints and takes them. */
export interface ConnectionTimeouts {
  readonly tcpSec: number;
  readonly tcpFinSec: number;
  readonly udpSec: number;
}

export type SyncRole = 'master' | 'backup';

/** As ipvsadm --start-daemon. Accepted, listed and saved; the director does not send or read sync messages. */
export interface SyncDaemon {
  readonly role: SyncRole;
  readonly interface: string;
  readonly syncId: number;
  readonly maxLengthBytes: number;
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
}

/** Which packets belong to which firewall mark (mark-rule.ts). */
export interface MarkRule {
  readonly mark: number;
  /** Undefined: all three. */
  readonly protocol?: TransportProtocol;
  /** Address or network of the virtual side: `10.0.0.100` or `10.0.0.96/28`. */
  readonly destination: string;
  /** First and last; undefined: all. */
  readonly ports?: readonly [number, number];
  /** Client networks; undefined: all clients. */
  readonly sources?: readonly string[];
}

/** One change to the configuration. Applied whole or not at all. */
export type Edit =
  | {
      readonly op: 'add-service' | 'edit-service';
      readonly service: ServiceAddress;
      readonly options: ServiceOptions;
    }
  | { readonly op: 'delete-service'; readonly service: ServiceAddress }
  | { readonly op: 'flush' }
  | {
      readonly op: 'add-server' | 'edit-server';
      readonly service: ServiceAddress;
      readonly server: ServerAddress;
      readonly options: ServerOptions;
    }
  | { readonly op: 'delete-server'; readonly service: ServiceAddress; readonly server: ServerAddress }
  | { readonly op: 'zero'; readonly service?: ServiceAddress }
  /** A 0 leaves that timeout as it is. */
  | { readonly op: 'set-timeouts'; readonly timeouts: ConnectionTimeouts }
  | { readonly op: 'start-sync-daemon'; readonly daemon: SyncDaemon }
  | { readonly op: 'stop-sync-daemon'; readonly role: SyncRole }
  /** An IPVS sysctl by its name (settings.ts). */
  | { readonly op: 'set'; readonly name: string; readonly value: number }
  /** The whole list, in the order in which they are tried. */
  | { readonly op: 'set-marks'; readonly rules: readonly MarkRule[] };

/** Since start or the last `zero`. Bytes are IP bytes, without the Ethernet header, as in IPVS. */
export interface TrafficCounters {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

/** Per second, averaged as IPVS does (net/netfilter/ipvs/ip_vs_est.c). */
export interface TrafficRates {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

/** What the datapath counted of one real server. */
export interface ServerCounters {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly traffic: TrafficCounters;
  readonly rates: TrafficRates;
}

export interface ServiceCounters {
  readonly traffic: TrafficCounters;
  readonly rates: TrafficRates;
  /** By endpointText() of the server (configuration.ts). */
  readonly servers: Readonly<Record<string, ServerCounters>>;
}
