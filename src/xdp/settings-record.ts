/** Settings and timeouts as the program has them: struct config of native/bpf/layout.h. One store a value. */

import { TICKS_PER_SECOND } from '../clock.ts';
import { type StateTimeouts, stateTimeouts } from '../connection/timeouts.ts';
import { defenseLevel, restartsDropCount } from '../datapath/defense.ts';
import type { ConnectionTimeouts } from '../service/model.ts';
import type { Settings } from '../service/settings.ts';
import { CONFIG } from './layout.ts';
import type { Memory } from './memory.ts';

const { at } = CONFIG;
/** native/bpf/maps.h */
const MAX_TICKS = 0x7fff0000;

const PLAIN_SETTINGS = {
  conn_reuse_mode: at.connReuseMode,
  expire_nodest_conn: at.expireNodestConn,
  expire_quiescent_template: at.expireQuiescentTemplate,
  failed_connections: at.failedConnections,
  schedule_icmp: at.scheduleIcmp,
  second_chance: at.secondChance,
  sloppy_tcp: at.sloppyTcp,
  sloppy_sctp: at.sloppySctp,
} as const;

export function writeSettings(config: Memory, settings: Settings): void {
  for (const [name, offset] of Object.entries(PLAIN_SETTINGS))
    config.set32(0, offset, settings[name as keyof typeof PLAIN_SETTINGS]);
}

/** In ticks of the program. Returns them in ticks of src/clock.ts. */
export function writeTimeouts(
  config: Memory,
  timeouts: ConnectionTimeouts,
  ticksPerSecond: number,
): StateTimeouts {
  const ticks = stateTimeouts(timeouts);
  const scaled = (value: number) => Math.min(MAX_TICKS, (value / TICKS_PER_SECOND) * ticksPerSecond);
  config.set32(0, at.newTimeout, scaled(ticks.newConnection));
  config.set32(0, at.udpTimeout, scaled(ticks.udp));
  for (const [state, value] of ticks.tcp.entries()) config.set32(0, at.tcpTimeout + 4 * state, scaled(value));
  for (const [state, value] of ticks.sctp.entries())
    config.set32(0, at.sctpTimeout + 4 * state, scaled(value));
  return ticks;
}

/** What is in force while so many connections live. Returns whether drop_entry is. */
export function writeDefense(config: Memory, settings: Settings, capacity: number, live: number): boolean {
  const { isSecure, dropsEntries, dropRate } = defenseLevel(settings, capacity, live);
  config.set32(0, at.isSecure, isSecure ? 1 : 0);
  if (dropRate !== 0 && restartsDropCount(settings)) config.set32(0, at.dropCounter, dropRate);
  config.set32(0, at.dropRate, dropRate);
  return dropsEntries;
}
