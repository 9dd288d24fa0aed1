/** The program with as many servers as a test likes, each with a MAC that tells its number. Needs root. */
import type { NextHop } from '../../src/worker/messages.ts';
import {
  CONNECTION,
  CONNECTION4,
  CONNECTION6,
  dependentsIn,
  GROUP_SPILLS,
  Kind,
  LinkBits,
  StateBits,
} from '../../src/xdp/layout.ts';
import type { Memory } from '../../src/xdp/memory.ts';
import type { Program } from '../../src/xdp/program.ts';
import { XdpSession } from '../../src/xdp/session.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';
import { DIRECTOR_MAC, eth, SYN } from '../helpers/frame-builder.ts';
import { XdpDirector, type XdpHandled } from '../helpers/xdp-director.ts';

export const VIP = '10.0.0.100';
export const WEB = `tcp ${VIP}:80`;
export const DNS = `udp ${VIP}:53`;

const pair = (number: number): string => (number & 255).toString(16).padStart(2, '0');

/** 10.1.0.0 and what follows. */
export const serverAddress = (number: number): string => `10.1.${number >> 8}.${number & 255}`;
export const serverMac = (number: number): string => `02:01:00:00:${pair(number >> 8)}:${pair(number)}`;
/** `10.1.0.7:80` */
export const serverName = (number: number, port = 80): string => `${serverAddress(number)}:${port}`;

/** The server that a frame which was sent is for. */
export const serverOf = (frame: Uint8Array): number => (frame[4]! << 8) | frame[5]!;

export const nextHopsOf = (count: number, first = 0): NextHop[] =>
  Array.from({ length: count }, (_, index) => ({
    address: serverAddress(first + index),
    kind: 'neighbor',
    mac: serverMac(first + index),
    interface: null,
  }));

export function setHost(session: XdpSession): void {
  session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: ['10.0.0.1', VIP] });
}

/** Servers 0 … count - 1 are known. */
export function createRig(sizes: XdpSizes, servers: number): XdpDirector {
  const director = new XdpDirector(DIRECTOR_MAC, sizes.connections, sizes);
  setHost(director.session);
  director.session.setNextHops(nextHopsOf(servers));
  return director;
}

/** As a daemon does that takes over: it knows the MACs, or not yet. */
export function takeOver(
  director: XdpDirector,
  capacity: number,
  nextHops: readonly NextHop[] = [],
): XdpSession {
  const session = new XdpSession(director.program, capacity);
  director.session = session;
  setHost(session);
  session.setNextHops(nextHops);
  return session;
}

/** A client by its number: 20.0.0.0 and what follows. */
export const clientOf = (number: number): string =>
  `20.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;

export const tcpFrame = (client: number, port = 1024, flags = SYN, virtualPort = 80): Uint8Array =>
  eth().ipv4(clientOf(client), VIP).tcp(port, virtualPort, flags).bytes();
export const udpFrame = (client: number, port = 1024): Uint8Array =>
  eth().ipv4(clientOf(client), VIP).udp(port, 53).bytes();

/** The same frame again and again, from other clients: fast. Valid until the next call. */
export class FrameStream {
  private readonly frame: Uint8Array;
  private readonly view: DataView;
  private readonly isIpv6: boolean;

  /** Without IPv4 options and IPv6 extension headers. */
  constructor(frame: Uint8Array) {
    this.frame = frame.slice();
    this.view = new DataView(this.frame.buffer);
    this.isIpv6 = this.frame[14]! >> 4 === 6;
  }

  /** `client`: the last word of its address. */
  of(client: number, port = 1024, tcpFlags?: number): Uint8Array {
    const { frame, view, isIpv6 } = this;
    const transport = isIpv6 ? 54 : 34;
    view.setUint32(isIpv6 ? 34 : 26, client);
    view.setUint16(transport, port);
    if (tcpFlags !== undefined) view.setUint8(transport + 13, tcpFlags);
    if (isIpv6) return frame;
    view.setUint16(24, 0);
    let sum = 0;
    for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(24, ~sum & 0xffff);
    return frame;
  }
}

/** The server that a frame goes to. */
export function forwarded({ verdict, sent }: XdpHandled): number {
  if (verdict !== 'Forward') throw new Error(`the frame was not forwarded: ${verdict}`);
  return serverOf(sent[0]!);
}

/** What a server or a service has according to the table, entry by entry. */
export interface Recount {
  active: number;
  inactive: number;
  persistent: number;
}

interface Entry {
  readonly version: 4 | 6;
  readonly slot: number;
  readonly kind: number;
  readonly server: number;
  readonly state: number;
  /** Slot of its template + 1; 0: none, or it is a template. */
  readonly link: number;
  /** Of a template: how many connections depend on it. */
  readonly dependents: number;
}

export function* entriesOf({ connections4, connections6 }: Program): Generator<Entry> {
  const tables = [
    { version: 4, memory: connections4, at: CONNECTION4.at.connection },
    { version: 6, memory: connections6, at: CONNECTION6.at.connection },
  ] as const;
  for (const { version, memory, at } of tables) {
    const word = (slot: number, name: keyof typeof CONNECTION.at) =>
      memory.get32(slot, at + CONNECTION.at[name]);
    for (let slot = 0; slot < memory.count; slot++) {
      const kind = word(slot, 'kind');
      if ((kind & Kind.Live) === 0) continue;
      const [server, state, whole] = [word(slot, 'server'), word(slot, 'state'), word(slot, 'link')];
      const isTemplate = (kind & Kind.Template) !== 0;
      if (isTemplate !== whole >= LinkBits.IsTemplate)
        throw new Error(`slot ${slot}: kind ${kind}, link ${whole}`);
      const [link, dependents] = isTemplate ? [0, dependentsIn(whole)] : [whole, 0];
      yield { version, slot, kind, server, state, link, dependents };
    }
  }
}

/** By server number. */
export function recount(program: Program): ReadonlyMap<number, Recount> {
  const counts = new Map<number, Recount>();
  for (const { kind, server, state } of entriesOf(program)) {
    const count = counts.get(server) ?? { active: 0, inactive: 0, persistent: 0 };
    counts.set(server, count);
    if (kind & Kind.Template) count.persistent++;
    else if (state & StateBits.Inactive) count.inactive++;
    else count.active++;
  }
  return counts;
}

/** Counts of connections that lie in the second of their buckets, added up. */
export function spillsOf({ object }: Program): number {
  return ['groups4', 'groups6'].reduce(
    (sum, map) => sum + new Int32Array(object.map(map)).reduce((a, b) => a + (b & GROUP_SPILLS), 0),
    0,
  );
}

/** Where two copies of a map's memory differ: numbers of elements. */
export function changedElements(before: Uint8Array, memory: Memory, after: Uint8Array): number[] {
  const bytes = before.length / memory.count;
  const changed = new Set<number>();
  for (let at = 0; at < before.length; at++)
    if (before[at] !== after[at]) changed.add(Math.floor(at / bytes));
  return [...changed];
}
