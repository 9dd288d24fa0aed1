/**
 * What IPVS does against floods, as its sysctls drop_entry, drop_packet and secure_tcp say: ip_vs_ctl.c,
 * update_defense_level(), and ip_vs_conn.c, ip_vs_random_dropentry(). Where IPVS looks at the host's free memory, this
 * looks at the free places of the connection table.
 */
import { TICKS_PER_SECOND } from '../clock.ts';
import { SCTP_INIT, SCTP_INIT1, SCTP_STATE_NAMES } from '../connection/sctp-state.ts';
import { TcpState } from '../connection/tcp-state.ts';
import { TemplateState } from '../connection/template-state.ts';
import { timeoutOf } from '../connection/timeouts.ts';
import type { Settings } from '../service/settings.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { forget } from './connection-life.ts';
import type { Path } from './path.ts';

/** The table is nearly full when less than this share of it is free. */
const LOW_SHARE = 1 / 8;
/** Values of the three settings. */
const ALWAYS = 3;
const NEVER = 0;
/** drop_entry looks at this share of the table every second. */
const SCANNED_SHARE = 1 / 32;
/** An idle connection with so many packets or more is none of a flood. */
const MAX_FLOOD_PACKETS = 8;
const MIN_IDLE_TICKS = 60 * TICKS_PER_SECOND;

const SCTP_ESTABLISHED = SCTP_STATE_NAMES.indexOf('ESTABLISHED');

/** What is in force while so many places of the table are taken. `dropRate`: one first packet in so many; 0: none. */
export function defenseLevel(
  settings: Settings,
  capacity: number,
  live: number,
): { isSecure: boolean; dropsEntries: boolean; dropRate: number } {
  // The tables of the program have room for more than was asked for.
  const free = Math.max(0, capacity - live);
  const low = Math.ceil(capacity * LOW_SHARE);
  const isOn = (mode: number) => mode === ALWAYS || (mode !== NEVER && free < low);
  const rate = settings.drop_packet === ALWAYS ? settings.am_droprate : Math.floor(low / (low - free));
  return {
    isSecure: isOn(settings.secure_tcp),
    dropsEntries: isOn(settings.drop_entry),
    dropRate: isOn(settings.drop_packet) ? rate : 0,
  };
}

/** With the level of the free places the count begins anew; with a fixed rate it goes on. */
export const restartsDropCount = (settings: Settings): boolean => settings.drop_packet !== ALWAYS;

/** How many entries of so many drop_entry looks at every second. */
export const scannedEntries = (entries: number): number => Math.ceil(entries * SCANNED_SHARE);

/** A connection or template that drop_entry has met. */
export interface Suspect {
  readonly isTemplate: boolean;
  readonly dependents: number;
  readonly state: number;
  readonly protocol: number;
  /** Ticks since its last packet. */
  readonly idle: number;
  /** From the client, up to some number above MAX_FLOOD_PACKETS. */
  readonly packets: number;
}

/** ip_vs_random_dropentry() and todrop_entry(). */
export class FloodJudge {
  /** By packet count: how many such connections were let go by before the next one is dropped. */
  private readonly passed = new Int32Array(MAX_FLOOD_PACKETS + 1);

  givesUp(suspect: Suspect): boolean {
    const { state, protocol } = suspect;
    if (suspect.isTemplate) return suspect.dependents === 0 && state !== TemplateState.Assured;
    if (protocol === IpProtocol.Tcp) {
      if (state === TcpState.SynRecv || state === TcpState.SynAck) return true;
      return state === TcpState.Established && this.isIdleFlood(suspect);
    }
    if (protocol === IpProtocol.Sctp) {
      if (state === SCTP_INIT1 || state === SCTP_INIT) return true;
      return state === SCTP_ESTABLISHED && this.isIdleFlood(suspect);
    }
    return this.isIdleFlood(suspect);
  }

  /** Idle for a minute, few packets, and then one in as many as it has packets. */
  private isIdleFlood({ idle, packets }: Suspect): boolean {
    if (idle < MIN_IDLE_TICKS || packets === 0 || packets > MAX_FLOOD_PACKETS) return false;
    this.passed[packets]!++;
    if (this.passed[packets]! < packets) return false;
    this.passed[packets] = 0;
    return true;
  }
}

export class Defense {
  /** secure_tcp is in force. */
  isSecure = false;
  private dropsEntries = false;
  /** One first packet in so many is dropped; 0: none. */
  private dropRate = 0;
  private dropCounter = 0;
  private readonly judge = new FloodJudge();

  /** Once a second, and when a setting changes. */
  update({ connections, settings }: Path): void {
    const level = defenseLevel(settings, connections.capacity, connections.live);
    this.isSecure = level.isSecure;
    this.dropsEntries = level.dropsEntries;
    this.dropRate = level.dropRate;
    if (this.dropRate !== 0 && restartsDropCount(settings)) this.dropCounter = this.dropRate;
  }

  /** Whether this first packet is one of those that drop_packet gives up: ip_vs_todrop(). */
  dropsPacket(): boolean {
    if (this.dropRate === 0 || --this.dropCounter > 0) return false;
    this.dropCounter = this.dropRate;
    return true;
  }

  /** What dropsPacket() would say. */
  get wouldDropPacket(): boolean {
    return this.dropRate !== 0 && this.dropCounter <= 1;
  }

  /** Once a second: gives up what looks like a flood, in a part of the table chosen at random. Returns how many. */
  dropEntries(path: Path, random: () => number): number {
    if (!this.dropsEntries) return 0;
    const { connections } = path;
    const count = scannedEntries(connections.highestEntry);
    let dropped = 0;
    for (let looked = 0; looked < count; looked++) {
      const entry = 1 + Math.floor(random() * connections.highestEntry);
      if (!connections.isLive(entry) || !this.judge.givesUp(suspectOf(path, entry))) continue;
      forget(path, entry);
      dropped++;
    }
    return dropped;
  }
}

function suspectOf({ connections, timeouts, now }: Path, entry: number): Suspect {
  const isTemplate = connections.isTemplate(entry);
  const protocol = connections.protocol(entry);
  const state = connections.state(entry);
  const timeout = isTemplate ? 0 : timeoutOf(timeouts, protocol, state);
  return {
    isTemplate,
    dependents: isTemplate ? connections.dependents(entry) : 0,
    state,
    protocol,
    idle: timeout - ((connections.expires(entry) - now) | 0),
    packets: connections.packets(entry),
  };
}
