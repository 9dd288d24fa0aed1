/**
 * IPVS by the book: a whole director that is slow and obviously right. Connections are plain objects in an array, found
 * by looking at each; states are words; services are searched one after the other; every timer runs out at its exact
 * time. Written from the semantics of the kernel's ip_vs, not from src: what both say is the Edit that configures it.
 */
import type {
  Edit,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  TransportProtocol,
} from '../../src/service/model.ts';
import { foldedAddress, type Model, models } from '../schedule/models.ts';
import { markAddress, maskedIpv4, networkHas, prefixOf, serviceName } from './addresses.ts';
import {
  type Direction,
  isActiveTcp,
  sctpSeconds,
  sctpStateAfter,
  TCP_SECONDS,
  tcpStateAfter,
} from './state-tables.ts';

const TICKS = 100;
/** How long a template lives on that others depend on, a datagram whose fragments come, a server that was deleted. */
const DEPENDED_ON = 60 * TICKS;
const DATAGRAM = 30 * TICKS;
const TRASH_SECONDS = 120;

export interface BookPacket {
  readonly kind: 'packet' | 'icmp-error' | 'reply';
  readonly protocol: TransportProtocol;
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly virtualPort: number;
  /** Of TCP. */
  readonly flags: number;
  /** Of SCTP: the type of the first chunk. */
  readonly chunk: number;
  readonly ttl: number;
  readonly ipBytes: number;
  /** Of an ICMP error. */
  readonly isDamaged: boolean;
  readonly fragment?: { readonly id: number; readonly part: 'first' | 'later' } | undefined;
}

/** What becomes of a packet. */
export interface Outcome {
  /** By the product's names. */
  readonly verdict: string;
  /** Where it is forwarded to. */
  readonly mac?: string;
  /** Fragments that waited for this first one and leave behind it. */
  readonly released?: readonly { readonly packet: BookPacket; readonly mac: string }[];
}

/** In this order: connections, packets in and out, bytes in and out. */
type Numbers = [number, number, number, number, number];
const zeroes = (): Numbers => [0, 0, 0, 0, 0];
export const Counter = { connections: 0, inPackets: 1, outPackets: 2, inBytes: 3, outBytes: 4 } as const;

/** Counters and the rates that ip_vs_est.c makes of them: every 2 s, avg += (rate - avg) / 4 in fixed point. */
class Stats {
  counts = zeroes();
  private last = zeroes();
  private average = zeroes();

  count(counter: number, by = 1): void {
    this.counts[counter]! += by;
  }

  zero(): void {
    this.counts = zeroes();
    this.last = zeroes();
    this.average = zeroes();
  }

  estimate(): void {
    for (let each = 0; each < 5; each++) {
      const rate = (this.counts[each]! - this.last[each]!) << (each >= Counter.inBytes ? 4 : 9);
      this.average[each]! += (rate - this.average[each]!) >> 2;
      this.last[each] = this.counts[each]!;
    }
  }

  rates(): number[] {
    return this.average.map((average, each) =>
      each >= Counter.inBytes ? (average + 15) >> 5 : (average + 511) >> 10,
    );
  }
}

interface Server {
  readonly service: ServiceAddress;
  readonly address: { readonly address: string; readonly port: number };
  options: ServerOptions;
  weight: number;
  lastWeight: number;
  isListed: boolean;
  isOverloaded: boolean;
  /** It was deleted, and its connections end shortly after. */
  takesConnectionsAlong: boolean;
  activeConnections: number;
  inactiveConnections: number;
  persistentConnections: number;
  readonly stats: Stats;
  serviceStats: Stats;
  /** Since it was deleted, without a connection. */
  idleSeconds: number;
}

interface Service {
  readonly address: ServiceAddress;
  readonly family: 4 | 6;
  options: ServiceOptions;
  scheduler: Model | undefined;
  /** Newest first. */
  servers: Server[];
  readonly stats: Stats;
}

interface Entry {
  readonly isTemplate: boolean;
  /** `ip`: the template of a firewall mark, whose virtual address is the mark. */
  readonly protocol: TransportProtocol | 'ip';
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  virtualPort: number;
  readonly server: Server;
  serverPort: number;
  state: string;
  expires: number;
  isInactive: boolean;
  hasSeenReply: boolean;
  /** Of a template: how long it lives after each use. */
  timeout: number;
  readonly template: Entry | undefined;
  dependents: number;
  /** From the client. */
  packets: number;
}

interface Datagram {
  readonly packet: BookPacket;
  readonly server: Server;
  readonly expires: number;
}

type NextHop = 'local' | 'unresolved' | 'unreachable' | { readonly mac: string };
type SetMarks = Extract<Edit, { op: 'set-marks' }>;
type ServiceEdit = Extract<Edit, { op: 'add-service' | 'edit-service' }>;
type ServerEdit = Extract<Edit, { op: 'add-server' | 'edit-server' | 'delete-server' }>;

export class Book {
  now = 0;
  readonly services: Service[] = [];
  readonly settings: Record<string, number> = {
    am_droprate: 10,
    conn_reuse_mode: 1,
    drop_entry: 0,
    drop_packet: 0,
    expire_nodest_conn: 0,
    expire_quiescent_template: 0,
    ignore_tunneled: 0,
    nat_icmp_send: 0,
    schedule_icmp: 0,
    secure_tcp: 0,
    sloppy_sctp: 0,
    sloppy_tcp: 0,
  };
  private readonly capacity: number;
  private readonly ownAddresses: ReadonlySet<string>;
  private entries: Entry[] = [];
  private trash: Server[] = [];
  /** How many servers were deleted. */
  private deleted = 0;
  private marks: SetMarks['rules'] = [];
  private timeouts = { tcpSec: 900, tcpFinSec: 120, udpSec: 300 };
  private readonly nextHops = new Map<string, NextHop>();
  private datagrams: Datagram[] = [];
  private waiting: { readonly packet: BookPacket; readonly expires: number }[] = [];
  private isSecure = false;
  private dropRate = 0;
  private untilDrop = 0;
  private seconds = 0;
  /** Which of those that may make room goes. */
  choosesWhoGoes: (candidates: readonly ListedConnection[]) => number = () => 0;

  constructor(capacity: number, ownAddresses: readonly string[]) {
    this.capacity = capacity;
    this.ownAddresses = new Set(ownAddresses);
  }

  setNextHop(address: string, nextHop: NextHop): void {
    this.nextHops.set(address, nextHop);
  }

  // Commands.

  /** The code of the error that refuses it, or undefined. */
  edit(edit: Edit): string | undefined {
    const { deleted } = this;
    const refusal = this.apply(edit);
    if (refusal === undefined && edit.op !== 'zero') this.updateDefense();
    // Deleting starts the work that ends the connections of all servers in the trash.
    if (deleted !== this.deleted && this.settings.expire_nodest_conn !== 0)
      for (const server of this.trash) server.takesConnectionsAlong = true;
    return refusal;
  }

  private apply(edit: Edit): string | undefined {
    switch (edit.op) {
      case 'add-service':
      case 'edit-service':
        return this.putService(edit);
      case 'delete-service': {
        const service = this.serviceAt(edit.service);
        if (service === undefined) return 'SERVICE_NOT_FOUND';
        for (const server of service.servers) this.throwAway(server);
        this.services.splice(this.services.indexOf(service), 1);
        return undefined;
      }
      case 'flush':
        for (const service of this.services) for (const server of service.servers) this.throwAway(server);
        this.services.length = 0;
        return undefined;
      case 'add-server':
      case 'edit-server':
      case 'delete-server':
        return this.changeServer(edit);
      case 'zero':
        return this.zero(edit.service);
      case 'set-timeouts':
        for (const name of ['tcpSec', 'tcpFinSec', 'udpSec'] as const)
          if (edit.timeouts[name] !== 0) this.timeouts[name] = edit.timeouts[name];
        return undefined;
      case 'set':
        this.settings[edit.name] = edit.value;
        return undefined;
      case 'set-marks':
        this.marks = edit.rules;
        return undefined;
      default:
        throw new Error(`no such step: ${edit.op}`);
    }
  }

  private serviceAt(address: ServiceAddress): Service | undefined {
    return this.services.find((service) => serviceName(service.address) === serviceName(address));
  }

  private putService({ op, service: address, options }: ServiceEdit): string | undefined {
    const service = this.serviceAt(address);
    if (op === 'add-service') {
      if (service !== undefined) return 'SERVICE_EXISTS';
      const family = 'fwmark' in address ? address.family : address.address.includes(':') ? 6 : 4;
      const scheduler = schedulerOf(options);
      this.services.push({ address, family, options, scheduler, servers: [], stats: new Stats() });
      return undefined;
    }
    if (service === undefined) return 'SERVICE_NOT_FOUND';
    const { scheduler, schedulerFlags } = service.options;
    const isSame = scheduler === options.scheduler && schedulerFlags === options.schedulerFlags;
    service.options = options;
    if (isSame) return undefined;
    service.scheduler = schedulerOf(options);
    service.scheduler?.changed?.(service.servers, []);
    return undefined;
  }

  private changeServer(edit: ServerEdit): string | undefined {
    const service = this.serviceAt(edit.service);
    if (service === undefined) return 'SERVICE_NOT_FOUND';
    if (edit.op !== 'delete-server' && edit.options.lowerThreshold > edit.options.upperThreshold)
      return 'OUT_OF_RANGE';
    const before = service.servers;
    const isIt = ({ address }: Server) =>
      address.address === edit.server.address && address.port === edit.server.port;
    const server = before.find(isIt);
    if (edit.op === 'add-server') {
      if (server !== undefined) return 'SERVER_EXISTS';
      const name = serviceName(edit.service);
      const deleted = this.trash.find((each) => serviceName(each.service) === name && isIt(each));
      service.servers = [this.newServer(service, edit.server, edit.options, deleted), ...before];
    } else {
      if (server === undefined) return 'SERVER_NOT_FOUND';
      if (edit.op === 'delete-server') {
        service.servers = before.filter((each) => each !== server);
        this.throwAway(server);
      } else configure(server, edit.options);
    }
    service.scheduler?.changed?.(service.servers, before);
    return undefined;
  }

  /** One that was deleted and is still in the trash comes back with its connections and counters. */
  private newServer(
    service: Service,
    address: Server['address'],
    options: ServerOptions,
    deleted: Server | undefined,
  ): Server {
    const server = deleted ?? {
      service: service.address,
      address,
      options,
      weight: 0,
      lastWeight: 0,
      isListed: true,
      isOverloaded: false,
      takesConnectionsAlong: false,
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      stats: new Stats(),
      serviceStats: service.stats,
      idleSeconds: 0,
    };
    this.trash = this.trash.filter((each) => each !== server);
    server.isListed = true;
    server.takesConnectionsAlong = false;
    // ip_vs_ctl.c, __ip_vs_update_dest(): the service was deleted, too, and this is another one.
    if (server.serviceStats !== service.stats) server.stats.zero();
    server.serviceStats = service.stats;
    configure(server, options);
    server.lastWeight = options.weight;
    return server;
  }

  private throwAway(server: Server): void {
    this.deleted++;
    server.isListed = false;
    server.idleSeconds = 0;
    this.trash.push(server);
  }

  private zero(address: ServiceAddress | undefined): string | undefined {
    const only = address && this.serviceAt(address);
    if (address !== undefined && only === undefined) return 'SERVICE_NOT_FOUND';
    for (const service of only === undefined ? this.services : [only]) {
      service.stats.zero();
      for (const server of service.servers) server.stats.zero();
    }
    return undefined;
  }

  // Time.

  /** When the next timer runs out. */
  get nextExpiry(): number {
    return this.entries.reduce((next, { expires }) => Math.min(next, expires), Number.POSITIVE_INFINITY);
  }

  /**
   * Ends what is over now. A template whose time is up together with that of all that depend on it ends or lives on:
   * timers of one moment have no order, so `livesOn` says what the other director did.
   */
  expire(livesOn: (template: ListedConnection) => boolean): void {
    const due = this.entries.filter(({ expires }) => expires <= this.now);
    const templates = due.filter(({ isTemplate }) => isTemplate);
    const hadDependents = new Set(templates.filter(({ dependents }) => dependents > 0));
    for (const entry of due) if (!entry.isTemplate) this.remove(entry);
    for (const template of templates) {
      const staysBehind = hadDependents.has(template) && livesOn(listed(template, this.now));
      if (template.dependents > 0 || staysBehind) {
        template.timeout = DEPENDED_ON;
        template.expires = this.now + DEPENDED_ON;
      } else this.remove(template);
    }
    this.flushWithoutServer();
  }

  /** Connections of deleted servers, then the templates that nothing depends on any more. */
  private flushWithoutServer(): void {
    for (const isTemplate of [false, true]) {
      for (const entry of this.entries.filter((each) => each.isTemplate === isTemplate)) {
        if (entry.server.takesConnectionsAlong && entry.dependents === 0) this.remove(entry);
      }
    }
  }

  everySecond(): void {
    this.updateDefense();
    this.seconds++;
    if (this.seconds % 2 === 0) {
      for (const service of this.services) {
        service.stats.estimate();
        for (const server of service.servers) server.stats.estimate();
      }
    }
    if (this.trash.length === 0) return;
    for (const server of this.trash) server.idleSeconds = isReferenced(server) ? 0 : server.idleSeconds + 1;
    this.trash = this.trash.filter(({ idleSeconds }) => idleSeconds < TRASH_SECONDS);
  }

  /** The director takes a table with less than an eighth free for what the kernel calls low memory. */
  private updateDefense(): void {
    const free = this.capacity - this.entries.length;
    const low = Math.ceil(this.capacity / 8);
    const isOn = (mode: number) => mode === 3 || (mode > 0 && free < low);
    this.isSecure = isOn(this.settings.secure_tcp!);
    const { drop_packet: mode = 0, am_droprate: rate = 0 } = this.settings;
    this.dropRate = isOn(mode) ? (mode === 3 ? rate : Math.floor(low / (low - free))) : 0;
    // Recorded: mode 3 counts on from where it is, at first from 0; the others begin anew every second.
    if (mode !== 3 && this.dropRate > 0) this.untilDrop = this.dropRate;
  }

  // Packets.

  handle(packet: BookPacket): Outcome {
    const version = packet.virtual.includes(':') ? 6 : 4;
    // The hooks of an IP version are there as long as it has services.
    if (!this.services.some(({ family }) => family === version))
      return { verdict: packet.kind === 'reply' ? 'PassOwn' : 'PassNotVirtual' };
    if (packet.fragment?.part === 'later') return this.handleLaterFragment(packet);
    const found = this.entries.find(
      (entry) =>
        !entry.isTemplate &&
        entry.protocol === packet.protocol &&
        entry.client === packet.client &&
        entry.clientPort === packet.clientPort &&
        entry.virtual === packet.virtual &&
        entry.virtualPort === packet.virtualPort,
    );
    if (packet.kind === 'reply') return this.handleReply(packet, found);
    const isAlive = found !== undefined && found.expires > this.now;
    if (found !== undefined && !isAlive) this.remove(found);
    const alive = isAlive ? found : undefined;
    return packet.kind === 'icmp-error'
      ? this.handleIcmpError(packet, alive)
      : this.handlePacket(packet, alive);
  }

  private handlePacket(packet: BookPacket, found: Entry | undefined): Outcome {
    let entry = found;
    let server = entry?.server;
    const isOver = entry !== undefined && opens(packet) && this.isOver(entry);
    if (server === undefined || isOver || !server.isListed) {
      if (found !== undefined && !isOver && this.settings.expire_nodest_conn === 0)
        return { verdict: 'DropServerRemoved' };
      if (found !== undefined && this.entries.length > this.capacity - 2) this.remove(found);
      const opened = this.open(packet);
      // Its timer runs out now: after its successor was scheduled, or after the answer of this host, which finds it.
      if (found !== undefined && opened === 'DeliverUnscheduled') found.expires = this.now;
      else if (found !== undefined && this.entries.includes(found)) this.remove(found);
      if (typeof opened === 'string') return { verdict: opened };
      server = opened.server;
      entry = opened.entry;
    }
    this.countIn(packet, server);
    if (entry !== undefined) this.step(entry, packet, 'input');
    if (packet.fragment === undefined) return this.send(packet, server, 'Forward');
    return this.sendFirstFragment(packet, packet.fragment.id, server);
  }

  /** Section 8.3 and 8.4: a packet that opens a connection finds one that is as good as over. */
  private isOver(entry: Entry): boolean {
    const { expire_nodest_conn: expiresNodest, conn_reuse_mode: mode = 0 } = this.settings;
    if (expiresNodest !== 0 && entry.server.weight === 0) return true;
    if (mode === 0 || entry.template !== undefined) return false;
    if (entry.protocol === 'sctp') return entry.state === 'CLOSED';
    if (entry.state === 'TIME_WAIT' || entry.state === 'CLOSE') return true;
    return (mode & 2) !== 0 && entry.state === 'FIN_WAIT' && !entry.hasSeenReply;
  }

  private handleIcmpError(packet: BookPacket, found: Entry | undefined): Outcome {
    let server = found?.server;
    if (server === undefined && this.settings.schedule_icmp !== 0) {
      const opened = this.open(packet);
      if (typeof opened !== 'string') server = opened.server;
    }
    if (server === undefined) return { verdict: 'PassIcmpUnrelated' };
    // Recorded: nobody looks at the checksum.
    this.countIn(packet, server);
    if (this.wayTo(server) === 'local') return { verdict: 'PassIcmpLocal' };
    return this.send(packet, server, 'ForwardIcmpError');
  }

  /** Of this host, which is the real server itself, or answers what was handed to it. */
  private handleReply(packet: BookPacket, found: Entry | undefined): Outcome {
    if (found === undefined) return { verdict: 'PassOwn' };
    found.hasSeenReply = true;
    if (found.server.isListed) {
      for (const stats of [found.server.stats, found.server.serviceStats]) {
        stats.count(Counter.outPackets);
        stats.count(Counter.outBytes, packet.ipBytes);
      }
    }
    this.step(found, packet, 'output');
    return { verdict: 'PassOwnReply' };
  }

  private countIn(packet: BookPacket, server: Server): void {
    if (!server.isListed) return;
    for (const stats of [server.stats, server.serviceStats]) {
      stats.count(Counter.inPackets);
      stats.count(Counter.inBytes, packet.ipBytes);
    }
  }

  private wayTo(server: Server): NextHop {
    if (server.options.forwarding !== 'direct-route') return 'unreachable';
    return this.nextHops.get(server.address.address) ?? 'unresolved';
  }

  private send(packet: BookPacket, server: Server, verdict: string): Outcome {
    const way = this.wayTo(server);
    if (way === 'local') return { verdict: 'DeliverLocalServer' };
    if (packet.ttl <= 1) {
      const isAnswered = packet.kind === 'packet' && packet.fragment?.part !== 'later';
      return { verdict: isAnswered ? 'ReplyTimeExceeded' : 'DropTtl' };
    }
    if (way === 'unresolved') return { verdict: 'DropNoNeighbor' };
    if (way === 'unreachable') return { verdict: 'DropServerUnreachable' };
    return { verdict, mac: way.mac };
  }

  // A new connection.

  private open(packet: BookPacket): { server: Server; entry: Entry | undefined } | string {
    const isIcmpError = packet.kind === 'icmp-error';
    const service = this.serviceOf(packet);
    if (service === undefined) return 'PassNotVirtual';
    const takesPort =
      isPersistent(service) || 'fwmark' in service.address || service.address.port === packet.virtualPort;
    if (!takesPort && !this.isGuarded(packet)) return 'PassNotVirtual';
    if (!isIcmpError && (isMartian(packet.client) || this.ownAddresses.has(packet.client)))
      return 'DropMartianSource';
    if (!takesPort) return 'DeliverUnscheduled';
    if (!isIcmpError && !this.mayOpen(packet)) return 'DeliverUnscheduled';
    if (this.dropRate > 0 && --this.untilDrop <= 0) {
      this.untilDrop = this.dropRate;
      return 'DropDefense';
    }
    if (packet.clientPort === 20) return 'DeliverUnscheduled';
    if (isPersistent(service)) return this.openByTemplate(packet, service);
    const server = this.choose(packet, service);
    if (server === undefined) return 'ReplyPortUnreachable';
    const ownPort = server.address.port === 0 ? packet.virtualPort : server.address.port;
    return this.admit(packet, service, server, ownPort, undefined);
  }

  private mayOpen({ protocol, flags, chunk }: BookPacket): boolean {
    if (protocol === 'tcp') return (flags & 4) === 0 && ((flags & 2) !== 0 || this.settings.sloppy_tcp !== 0);
    if (protocol === 'sctp') return chunk === 1 || (this.settings.sloppy_sctp !== 0 && chunk !== 6);
    return true;
  }

  /** Section 3: the mark's, this very port, the port-21 service of the address, the port-0 service. */
  private serviceOf(packet: BookPacket): Service | undefined {
    const family = packet.virtual.includes(':') ? 6 : 4;
    const mark = this.marks.find((rule) => isMarkedBy(rule, packet))?.mark;
    const marked = this.services.find(
      ({ address, family: itsFamily }) =>
        'fwmark' in address && address.fwmark === mark && itsFamily === family,
    );
    if (marked !== undefined) return marked;
    const at = (port: number) =>
      this.services.find(
        ({ address }) =>
          !('fwmark' in address) &&
          address.protocol === packet.protocol &&
          address.address === packet.virtual &&
          address.port === port,
      );
    const { virtualPort } = packet;
    const mayBeFtpData = packet.protocol === 'tcp' && (virtualPort === 20 || virtualPort >= 1024);
    return at(virtualPort) ?? (mayBeFtpData ? at(21) : undefined) ?? at(0);
  }

  /** The guard keeps the frame from the host, since a service takes all ports of the address. */
  private isGuarded({ protocol, virtual }: BookPacket): boolean {
    return this.serviceAt({ protocol, address: virtual, port: 0 }) !== undefined;
  }

  private choose(packet: BookPacket, service: Service): Server | undefined {
    const client = foldedAddress(packet.client);
    // Of an ICMP error the schedulers of destinations see that of the packet inside, which is the client.
    const virtual = packet.kind === 'icmp-error' ? client : foldedAddress(packet.virtual);
    const { clientPort } = packet;
    const request = { client, clientPort, virtual, now: this.now };
    return service.scheduler?.choose(service.servers, request) as Server | undefined;
  }

  /** Section 13. */
  private openByTemplate(
    packet: BookPacket,
    service: Service,
  ): { server: Server; entry: Entry | undefined } | string {
    const { address, options } = service;
    const client = networkOf(packet.client, options.netmask);
    const isMark = 'fwmark' in address;
    const hasPort = !isMark && address.port !== 21 && address.port !== 0;
    const protocol = isMark ? 'ip' : packet.protocol;
    const virtual = isMark ? markAddress(address.fwmark, service.family) : packet.virtual;
    const virtualPort = hasPort ? address.port : 0;
    let template = this.entries.find(
      (entry) =>
        entry.isTemplate &&
        entry.protocol === protocol &&
        entry.client === client &&
        entry.virtual === virtual &&
        entry.virtualPort === virtualPort,
    );
    if (template !== undefined && !this.isValid(template)) {
      template.virtualPort = 65535;
      template.serverPort = 65535;
      template = undefined;
    }
    if (template === undefined) {
      const server = this.choose(packet, service);
      const isFtpData = !isMark && address.port === 21 && packet.virtualPort !== 21;
      if (server === undefined) return isFtpData ? 'DeliverUnscheduled' : 'ReplyPortUnreachable';
      template = this.insert({
        isTemplate: true,
        protocol,
        client,
        clientPort: 0,
        virtual,
        virtualPort,
        server,
        serverPort: hasPort ? server.address.port : 0,
        state: 'NONE',
        timeout: options.persistentSec * TICKS,
        template: undefined,
      });
      if (template === undefined) return 'DropConnectionTableFull';
      server.persistentConnections++;
    }
    template.expires = this.now + template.timeout;
    const { server } = template;
    const isOwnPort = !isMark && packet.virtualPort === address.port && server.address.port !== 0;
    const serverPort = isOwnPort ? server.address.port : packet.virtualPort;
    return this.admit(packet, service, server, serverPort, template);
  }

  private isValid({ server }: Entry): boolean {
    return server.isListed && !(this.settings.expire_quiescent_template !== 0 && server.weight === 0);
  }

  private admit(
    packet: BookPacket,
    service: Service,
    server: Server,
    serverPort: number,
    template: Entry | undefined,
  ): { server: Server; entry: Entry | undefined } | string {
    let entry: Entry | undefined;
    if (!(service.options.onePacket && packet.protocol === 'udp')) {
      const { protocol, client, clientPort, virtual, virtualPort } = packet;
      const state = packet.protocol === 'udp' ? 'UDP' : 'NONE';
      const key = { protocol, client, clientPort, virtual, virtualPort };
      const timeout = 3 * TICKS;
      entry = this.insert({ isTemplate: false, ...key, server, serverPort, state, timeout, template });
      if (entry === undefined) return 'DropConnectionTableFull';
      if (template !== undefined) template.dependents++;
      server.inactiveConnections++;
      if (server.options.upperThreshold > 0 && total(server) >= server.options.upperThreshold)
        server.isOverloaded = true;
    }
    server.stats.count(Counter.connections);
    service.stats.count(Counter.connections);
    return { server, entry };
  }

  private insert(
    entry: Omit<Entry, 'expires' | 'isInactive' | 'hasSeenReply' | 'dependents' | 'packets'>,
  ): Entry | undefined {
    if (this.entries.length >= this.capacity && !this.makeRoom(entry.template)) return undefined;
    const expires = this.now + entry.timeout;
    const inserted = { ...entry, expires, isInactive: true, hasSeenReply: false, dependents: 0, packets: 0 };
    this.entries.push(inserted);
    return inserted;
  }

  /** A full table of the director's: what has shown that somebody is there stays. */
  private makeRoom(kept: Entry | undefined): boolean {
    const candidates = this.entries.filter((entry) => entry !== kept && this.mayGo(entry));
    const chosen = candidates[this.choosesWhoGoes(candidates.map((entry) => listed(entry, this.now)))];
    if (chosen !== undefined) this.remove(chosen);
    return chosen !== undefined;
  }

  private mayGo(entry: Entry): boolean {
    if (entry.isTemplate)
      return entry.dependents === 0 && (entry.state !== 'ASSURED' || entry.expires <= this.now);
    if (entry.packets === 0 || entry.expires <= this.now) return true;
    if (entry.protocol === 'udp') return entry.packets === 1 && !entry.hasSeenReply;
    return ['SYN_RECV', 'SYNACK', 'INIT1', 'INIT'].includes(entry.state);
  }

  private remove(entry: Entry): void {
    this.entries.splice(this.entries.indexOf(entry), 1);
    const { server, template } = entry;
    if (entry.isTemplate) {
      server.persistentConnections--;
      return;
    }
    if (template !== undefined) template.dependents--;
    if (entry.isInactive) server.inactiveConnections--;
    else server.activeConnections--;
    if (total(server) < lowerLimit(server.options)) server.isOverloaded = false;
  }

  private step(entry: Entry, packet: BookPacket, side: 'input' | 'output'): void {
    const before = entry.state;
    if (side === 'input') entry.packets++;
    let seconds: number;
    let isActive = false;
    if (packet.protocol === 'udp') {
      seconds = this.timeouts.udpSec;
      if (side === 'output' && entry.template !== undefined) entry.template.state = 'ASSURED';
    } else if (packet.protocol === 'tcp') {
      const direction: Direction = side === 'input' && !entry.hasSeenReply ? 'input-only' : side;
      entry.state = tcpStateAfter(before, packet.flags, direction, this.isSecure);
      isActive = isActiveTcp(entry.state);
      const { tcpSec, tcpFinSec } = this.timeouts;
      const changed: Record<string, number> = { ESTABLISHED: tcpSec, FIN_WAIT: tcpFinSec };
      seconds = changed[entry.state] ?? TCP_SECONDS[entry.state]!;
    } else {
      entry.state = sctpStateAfter(before, packet.chunk);
      isActive = entry.state === 'ESTABLISHED';
      seconds = sctpSeconds(entry.state);
    }
    entry.expires = this.now + seconds * TICKS;
    if (entry.state !== before) this.enter(entry, isActive);
  }

  private enter(entry: Entry, isActive: boolean): void {
    if (entry.state === 'ESTABLISHED' && entry.template !== undefined) entry.template.state = 'ASSURED';
    if (isActive !== entry.isInactive) return;
    entry.isInactive = !isActive;
    entry.server.activeConnections += isActive ? 1 : -1;
    entry.server.inactiveConnections += isActive ? -1 : 1;
  }

  // Fragments. The kernel puts datagrams together first; a director passes the pieces on, all the same way.

  private sendFirstFragment(packet: BookPacket, id: number, server: Server): Outcome {
    this.datagrams = this.datagrams.filter((each) => !isSameDatagram(each.packet, packet));
    this.datagrams.push({ packet, server, expires: this.now + DATAGRAM });
    const outcome = this.send(packet, server, 'Forward');
    const released: { packet: BookPacket; mac: string }[] = [];
    for (const waiting of this.waiting.filter((each) => each.packet.fragment?.id === id)) {
      if (!isSameDatagram(waiting.packet, packet)) continue;
      this.waiting.splice(this.waiting.indexOf(waiting), 1);
      if (waiting.expires <= this.now) continue;
      const { mac } = this.sendLaterFragment(waiting.packet, server);
      if (mac !== undefined) released.push({ packet: waiting.packet, mac });
    }
    return { ...outcome, released };
  }

  private handleLaterFragment(packet: BookPacket): Outcome {
    const known = this.datagrams.find(
      (each) => each.expires > this.now && isSameDatagram(each.packet, packet),
    );
    if (known !== undefined) return this.sendLaterFragment(packet, known.server);
    const isOurs = [
      ...this.services.map(
        ({ address }) => !('fwmark' in address) && networkHas(address.address, packet.virtual),
      ),
      ...this.marks.map(({ destination }) => networkHas(destination, packet.virtual)),
    ];
    if (!isOurs.includes(true)) return { verdict: 'PassFragment' };
    this.waiting.push({ packet, expires: this.now + DATAGRAM });
    return { verdict: 'PassWaiting' };
  }

  private sendLaterFragment(packet: BookPacket, server: Server): Outcome {
    if (this.wayTo(server) === 'local') return { verdict: 'PassFragment' };
    if (server.isListed) {
      server.stats.count(Counter.inBytes, packet.ipBytes);
      server.serviceStats.count(Counter.inBytes, packet.ipBytes);
    }
    return this.send(packet, server, 'ForwardFragment');
  }

  // Lists.

  connections(): ListedConnection[] {
    return this.entries.map((entry) => listed(entry, this.now));
  }
}

export interface ListedConnection {
  readonly protocol: string;
  readonly state: string;
  readonly expiresSec: number;
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly virtualPort: number;
  readonly server: string;
  readonly serverPort: number;
}

function listed(entry: Entry, now: number): ListedConnection {
  const { protocol, state, client, clientPort, virtual, virtualPort, server, serverPort } = entry;
  const expiresSec = Math.floor((entry.expires - now) / TICKS);
  const ends = { client, clientPort, virtual, virtualPort, server: server.address.address, serverPort };
  return { protocol, state, expiresSec, ...ends };
}

function configure(server: Server, options: ServerOptions): void {
  server.options = options;
  server.weight = options.weight;
  if (options.weight > 0) server.lastWeight = options.weight;
  if (options.upperThreshold === 0) server.isOverloaded = false;
  else if (total(server) >= options.upperThreshold) server.isOverloaded = true;
  else if (total(server) < lowerLimit(options)) server.isOverloaded = false;
}

const lowerLimit = ({ upperThreshold, lowerThreshold }: ServerOptions): number =>
  lowerThreshold > 0 ? lowerThreshold : upperThreshold - Math.floor(upperThreshold / 4);

const total = (server: Server): number => server.activeConnections + server.inactiveConnections;

const isReferenced = (server: Server): boolean => total(server) + server.persistentConnections > 0;

const isPersistent = ({ options }: Service): boolean => options.persistentSec > 0;

function schedulerOf({ scheduler, schedulerFlags }: ServiceOptions): Model | undefined {
  const flags = scheduler === 'sh' || scheduler === 'mh' ? schedulerFlags & 24 : 0;
  return models.find((model) => model.name === scheduler && model.flags === flags)?.create();
}

const opens = ({ protocol, flags, chunk }: BookPacket): boolean =>
  protocol === 'tcp' ? (flags & 2) !== 0 : protocol === 'sctp' && chunk === 1;

/** Of nobody: 0.0.0.0, loopback, multicast and broadcast. */
const isMartian = (address: string): boolean =>
  /^(127|22[4-9]|23\d)\.|^0\.0\.0\.0$|^255\.255\.255\.255$|^ff..:|^::1$/.test(address);

function isMarkedBy(rule: SetMarks['rules'][number], packet: BookPacket): boolean {
  const { protocol, destination, ports = [0, 65535], sources } = rule;
  return (
    (protocol === undefined || protocol === packet.protocol) &&
    networkHas(destination, packet.virtual) &&
    packet.virtualPort >= ports[0] &&
    packet.virtualPort <= ports[1] &&
    (sources === undefined || sources.some((source) => networkHas(source, packet.client)))
  );
}

/** Masks of IPv4 are bits, of IPv6 prefix lengths. */
function networkOf(client: string, netmask: number): string {
  return client.includes(':') ? prefixOf(client, netmask) : maskedIpv4(client, netmask);
}

const isSameDatagram = (a: BookPacket, b: BookPacket): boolean =>
  a.fragment?.id === b.fragment?.id &&
  a.client === b.client &&
  a.virtual === b.virtual &&
  a.protocol === b.protocol;
