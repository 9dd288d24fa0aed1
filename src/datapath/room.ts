/**
 * Who makes room for something new when the table is full: one whose time is up, else the oldest of those that a flood
 * of forged addresses leaves behind. What has shown that somebody is there never goes. A hand goes through the table, in
 * strides, so that it does not get lost among established connections that lie together, and looks at some entries for
 * each newcomer: none costs more than that, and nothing is kept in order.
 */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { SCTP_INIT, SCTP_INIT1 } from '../connection/sctp-state.ts';
import { TcpState } from '../connection/tcp-state.ts';
import { TemplateState } from '../connection/template-state.ts';
import { timeoutOf } from '../connection/timeouts.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { forget, isExpired } from './connection-life.ts';
import type { Path } from './path.ts';

/** Entries that are looked at for a newcomer at most. */
const MAX_LOOKED_AT = 64;
/** It takes the place of the oldest of so many. */
const CANDIDATES = 4;
/** A prime above any capacity: strides of it meet every entry before one is met again. */
const STRIDE = 2_654_435_761;

/** Kinds of what makes room before its time is up, as they are counted: native/bpf/layout.h, enum room_maker. */
export const RoomMaker = { halfOpen: 0, udp: 1, template: 2 } as const;
/** Room for more kinds. */
export const ROOM_MAKERS = 8;

/** By name; those that never did are left out. */
export function namedRoomMakers(countOf: (maker: number) => number): Record<string, number> {
  const counts = Object.entries(RoomMaker).map(([name, maker]) => [name, countOf(maker)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

export class Room {
  /** By RoomMaker. */
  readonly made = new Float64Array(ROOM_MAKERS);
  private readonly stride: number;
  private hand = 0;

  constructor(capacity: number) {
    this.stride = STRIDE % capacity;
  }

  /** In a table that is full. What depends on nothing yet is spared where it is `kept`. False: there is nobody to go. */
  make(path: Path, kept: number): boolean {
    const entry = this.find(path, kept);
    if (entry === NO_CONNECTION) return false;
    if (!isExpired(path, entry)) this.made[makerOf(path, entry)]!++;
    forget(path, entry);
    return true;
  }

  /**
   * What so many calls of make() would say, one after the other, each of which keeps what took the place before. What
   * is still free is somebody's by then.
   */
  wouldMake(path: Path, kept: number, times: number): boolean[] {
    const { hand } = this;
    const answers: boolean[] = [];
    let spared = kept;
    let loser = NO_CONNECTION;
    for (let time = 0; time < times; time++) {
      const entry = this.find(path, spared, loser);
      answers.push(entry !== NO_CONNECTION);
      if (entry === NO_CONNECTION) continue;
      spared = entry;
      loser = path.connections.template(entry);
    }
    this.hand = hand;
    return answers;
  }

  /** NO_CONNECTION: nobody can go. `loser`: a template on which one connection fewer depends. */
  private find(path: Path, kept: number, loser = NO_CONNECTION): number {
    const { connections } = path;
    let oldest = NO_CONNECTION;
    let oldestAge = 0;
    const atMost = Math.min(MAX_LOOKED_AT, connections.capacity);
    for (let looked = 0, candidates = 0; looked < atMost && candidates < CANDIDATES; looked++) {
      this.hand += this.stride;
      if (this.hand >= connections.capacity) this.hand -= connections.capacity;
      const entry = this.hand + 1;
      if (entry === kept || !connections.isLive(entry) || mustStay(path, entry, loser)) continue;
      if (isExpired(path, entry)) return entry;
      if (!mayGo(path, entry)) continue;
      candidates++;
      const age = ageOf(path, entry);
      if (oldest !== NO_CONNECTION && age <= oldestAge) continue;
      oldest = entry;
      oldestAge = age;
    }
    return oldest;
  }
}

/** A template on which connections depend, whatever its time. */
const mustStay = ({ connections }: Path, entry: number, loser: number): boolean =>
  connections.isTemplate(entry) && connections.dependents(entry) > (entry === loser ? 1 : 0);

/** What a template decides is worth nothing before its client got as far as a handshake. */
function mayGo({ connections }: Path, entry: number): boolean {
  const state = connections.state(entry);
  if (connections.isTemplate(entry)) return state !== TemplateState.Assured;
  const packets = connections.packets(entry);
  const seesOutput = !connections.hasFlag(entry, ConnectionFlag.NoOutput);
  return isHalfOpen(connections.protocol(entry), state, packets, seesOutput);
}

/**
 * Nobody has shown to be there: no packet of its own (an ICMP error opened it), TCP or SCTP without a handshake, UDP
 * after one packet.
 */
export function isHalfOpen(
  protocol: number,
  state: number,
  packets: number,
  hasSeenOutput: boolean,
): boolean {
  if (packets === 0) return true;
  if (protocol === IpProtocol.Tcp) return state === TcpState.SynRecv || state === TcpState.SynAck;
  if (protocol === IpProtocol.Sctp) return state === SCTP_INIT1 || state === SCTP_INIT;
  return packets === 1 && !hasSeenOutput;
}

/** Ticks since its last packet. */
function ageOf({ connections, timeouts, now }: Path, entry: number): number {
  const timeout = connections.isTemplate(entry)
    ? connections.templateTimeout(entry)
    : timeoutOf(timeouts, connections.protocol(entry), connections.state(entry));
  return timeout - ((connections.expires(entry) - now) | 0);
}

function makerOf({ connections }: Path, entry: number): number {
  if (connections.isTemplate(entry)) return RoomMaker.template;
  return connections.protocol(entry) === IpProtocol.Udp ? RoomMaker.udp : RoomMaker.halfOpen;
}
