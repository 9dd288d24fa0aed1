/**
 * What IPVS does against floods, as its sysctls drop_entry, drop_packet and secure_tcp say: ip_vs_ctl.c,
 * update_defense_level(), and ip_vs_conn.c, ip_vs_random_dropentry(). Where IPVS looks at the host's free memory, this
 * looks at the free places of the connection table.
 */
import { TICKS_PER_SECOND } from '../clock.ts';
import { SCTP_STATE_NAMES } from '../connection/sctp-state.ts';
import { TcpState } from '../connection/tcp-state.ts';
import { TemplateState } from '../connection/template-state.ts';
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

const SCTP_INIT1 = SCTP_STATE_NAMES.indexOf('INIT1');
const SCTP_INIT = SCTP_STATE_NAMES.indexOf('INIT');
const SCTP_ESTABLISHED = SCTP_STATE_NAMES.indexOf('ESTABLISHED');

export class Defense {
  /** secure_tcp is in force. */
  isSecure = false;
  private dropsEntries = false;
  /** One first packet in so many is dropped; 0: none. */
  private dropRate = 0;
  private dropCounter = 0;
  /** By packet count: how many such connections were let go by before the next one is dropped. */
  private readonly passed = new Int32Array(MAX_FLOOD_PACKETS + 1);

  /** Once a second, and when a setting changes. */
  update({ connections, settings }: Path): void {
    const free = connections.capacity - connections.live;
    const low = Math.ceil(connections.capacity * LOW_SHARE);
    const isLow = free < low;
    const isOn = (mode: number) => mode === ALWAYS || (mode !== NEVER && isLow);
    this.isSecure = isOn(settings.secure_tcp);
    this.dropsEntries = isOn(settings.drop_entry);
    const rate = settings.drop_packet === ALWAYS ? settings.am_droprate : Math.floor(low / (low - free));
    this.dropRate = isOn(settings.drop_packet) ? rate : 0;
    if (this.dropRate !== 0 && settings.drop_packet !== ALWAYS) this.dropCounter = this.dropRate;
  }

  /** Whether this first packet is one of those that drop_packet gives up: ip_vs_todrop(). */
  dropsPacket(): boolean {
    if (this.dropRate === 0 || --this.dropCounter > 0) return false;
    this.dropCounter = this.dropRate;
    return true;
  }

  /** Once a second: gives up what looks like a flood, in a part of the table chosen at random. Returns how many. */
  dropEntries(path: Path, random: () => number): number {
    if (!this.dropsEntries) return 0;
    const { connections } = path;
    const count = Math.ceil(connections.highestEntry * SCANNED_SHARE);
    let dropped = 0;
    for (let looked = 0; looked < count; looked++) {
      const entry = 1 + Math.floor(random() * connections.highestEntry);
      if (!connections.isLive(entry) || !this.givesUp(path, entry)) continue;
      forget(path, entry);
      dropped++;
    }
    return dropped;
  }

  private givesUp(path: Path, entry: number): boolean {
    const { connections } = path;
    const state = connections.state(entry);
    if (connections.isTemplate(entry))
      return connections.dependents(entry) === 0 && state !== TemplateState.Assured;
    const protocol = connections.protocol(entry);
    if (protocol === IpProtocol.Tcp) {
      if (state === TcpState.SynRecv || state === TcpState.SynAck) return true;
      return state === TcpState.Established && this.isIdleFlood(path, entry, path.timeouts.tcp[state]!);
    }
    if (protocol === IpProtocol.Sctp) {
      if (state === SCTP_INIT1 || state === SCTP_INIT) return true;
      return state === SCTP_ESTABLISHED && this.isIdleFlood(path, entry, path.timeouts.sctp[state]!);
    }
    return this.isIdleFlood(path, entry, path.timeouts.udp);
  }

  /** todrop_entry(): idle for a minute, few packets, and then one in as many as it has packets. */
  private isIdleFlood({ connections, now }: Path, entry: number, timeout: number): boolean {
    const idle = timeout - ((connections.expires(entry) - now) | 0);
    const packets = connections.packets(entry);
    if (idle < MIN_IDLE_TICKS || packets === 0 || packets > MAX_FLOOD_PACKETS) return false;
    this.passed[packets]!++;
    if (this.passed[packets]! < packets) return false;
    this.passed[packets] = 0;
    return true;
  }
}
