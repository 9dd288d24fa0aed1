/** drop_entry, drop_packet and secure_tcp for the program: src/datapath/defense.ts decides, the program carries out. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { type StateTimeouts, timeoutOf } from '../connection/timeouts.ts';
import { FloodJudge, scannedEntries } from '../datapath/defense.ts';
import type { Settings } from '../service/settings.ts';
import type { ConnectionTables } from './connections.ts';
import type { Program } from './program.ts';
import { writeDefense } from './settings-record.ts';

export class ProgramDefense {
  private readonly program: Program;
  private readonly tables: ConnectionTables;
  /** Connections that were asked for; the tables have room for more. */
  private readonly capacity: number;
  private readonly judge = new FloodJudge();
  private dropsEntries = false;

  constructor(program: Program, tables: ConnectionTables, capacity: number) {
    this.program = program;
    this.tables = tables;
    this.capacity = capacity;
  }

  /** Once a second, and when a setting changes. */
  update(settings: Settings, live: number): void {
    this.dropsEntries = writeDefense(this.program.config, settings, this.capacity, live);
  }

  /** Once a second, where drop_entry is in force: looks at a part of the tables chosen at random. */
  dropEntries(timeouts: StateTimeouts, random: () => number): void {
    if (!this.dropsEntries) return;
    const { tables, program } = this;
    const scale = program.ticksPerSecond / TICKS_PER_SECOND;
    const now = program.now();
    const timeout = (protocol: number, state: number) => timeoutOf(timeouts, protocol, state) * scale;
    for (let left = scannedEntries(tables.slotCount); left > 0; left--) {
      const slot = Math.floor(random() * tables.slotCount);
      const suspect = tables.suspect(slot, now, timeout);
      if (suspect === undefined) continue;
      if (this.judge.givesUp({ ...suspect, idle: suspect.idle / scale })) tables.endSlot(slot);
    }
  }
}
