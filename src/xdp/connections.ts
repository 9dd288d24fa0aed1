/** The connection tables of the program, read as they are: listed, searched, ended. Traffic goes on meanwhile. */
import { matchesFilter } from '../connection/connection-filter.ts';
import { describe } from '../connection/describe.ts';
import { INVALIDATED_PORT, TemplateState } from '../connection/template-state.ts';
import type { ConnectionFilter, ConnectionListing } from '../control/protocol.ts';
import type { Suspect } from '../datapath/defense.ts';
import type { RealServer } from '../service/real-server.ts';
import type { IpAddress } from '../wire/address.ts';
import { CONNECTION, CONNECTION4, CONNECTION6, dependentsIn, Kind, StateBits } from './layout.ts';
import type { Memory } from './memory.ts';
import type { Program } from './program.ts';

/** Slots that one page of a listing looks at. */
const SLOTS_PER_PAGE = 2 ** 20;

/** A server by its number; undefined: none has it. */
export type ServerOf = (id: number) => RealServer | undefined;

export class ConnectionTables {
  private readonly program: Program;
  private readonly serverOf: ServerOf;
  private readonly tables: readonly Table[];

  constructor(program: Program, serverOf: ServerOf) {
    this.program = program;
    this.serverOf = serverOf;
    this.tables = [
      { version: 4, memory: program.connections4, at: CONNECTION4.at },
      { version: 6, memory: program.connections6, at: CONNECTION6.at },
    ];
  }

  /** Slots are numbered through both tables. The cursor is the first slot that the next page looks at. */
  list(cursor: number, limit: number): { connections: ConnectionListing[]; nextCursor: number | null } {
    const now = this.program.now();
    const end = Math.min(this.slotCount, cursor + SLOTS_PER_PAGE);
    const connections: ConnectionListing[] = [];
    let slot = cursor;
    for (; slot < end && connections.length < limit; slot++) {
      const listing = this.describe(slot, now);
      if (listing !== undefined && listing.expiresSec >= 0) connections.push(listing);
    }
    return { connections, nextCursor: slot < this.slotCount ? slot : null };
  }

  /** Connections go before the templates that they depend on. */
  end(filter: ConnectionFilter): number {
    const now = this.program.now();
    let ended = 0;
    for (const wantsTemplates of [false, true]) {
      for (let slot = 0; slot < this.slotCount; slot++) {
        const { table, index } = this.place(slot);
        if (!isLive(table, index) || isTemplate(table, index) !== wantsTemplates) continue;
        const listing = this.describe(slot, now);
        if (listing !== undefined && matchesFilter(listing, filter) && this.endSlot(slot)) ended++;
      }
    }
    return ended;
  }

  get slotCount(): number {
    return this.tables.reduce((sum, { memory }) => sum + memory.count, 0);
  }

  endSlot(slot: number): boolean {
    const { table, index } = this.place(slot);
    return this.program.endConnection(table.version, index);
  }

  /** What drop_entry looks at; undefined: nothing is in the slot. `timeout`: ticks that one lives in its state. */
  suspect(
    slot: number,
    now: number,
    timeout: (protocol: number, state: number) => number,
  ): Suspect | undefined {
    const { table, index } = this.place(slot);
    if (!isLive(table, index)) return undefined;
    const template = isTemplate(table, index);
    const protocol = field(table, index, 'kind') & 0xff;
    const word = field(table, index, 'state');
    const state = stateOf(word, template);
    const left = (field(table, index, 'expires') - now) | 0;
    return {
      isTemplate: template,
      dependents: template ? dependentsIn(field(table, index, 'link')) : 0,
      state,
      protocol,
      idle: template ? 0 : timeout(protocol, state) - left,
      packets: (word >>> StateBits.CountShift) & StateBits.CountMask,
    };
  }

  private place(slot: number): { readonly table: Table; readonly index: number } {
    const [first, second] = this.tables as readonly [Table, Table];
    const { count } = first.memory;
    return slot < count ? { table: first, index: slot } : { table: second, index: slot - count };
  }

  private describe(slot: number, now: number): ConnectionListing | undefined {
    const { table, index } = this.place(slot);
    if (!isLive(table, index)) return undefined;
    const server = this.serverOf(field(table, index, 'server'));
    if (server === undefined) return undefined;
    const template = isTemplate(table, index);
    const kind = field(table, index, 'kind');
    const ports = field(table, index, 'ports');
    const left = (field(table, index, 'expires') - now) | 0;
    return describe({
      protocol: kind & 0xff,
      isTemplate: template,
      hasTemplate: !template && field(table, index, 'link') !== 0,
      state: stateOf(field(table, index, 'state'), template),
      expiresSec: Math.floor(left / this.program.ticksPerSecond),
      client: addressOf(table, index, 'client'),
      virtual: addressOf(table, index, 'virtual'),
      clientPort: ports >>> 16,
      virtualPort: kind & Kind.Invalidated ? INVALIDATED_PORT : ports & 0xffff,
      server,
    });
  }
}

interface Table {
  readonly version: 4 | 6;
  readonly memory: Memory;
  readonly at: { readonly client: number; readonly virtual: number; readonly connection: number };
}

const field = ({ memory, at }: Table, index: number, name: keyof typeof CONNECTION.at): number =>
  memory.get32(index, at.connection + CONNECTION.at[name]);

const isLive = (table: Table, index: number): boolean => (field(table, index, 'kind') & Kind.Live) !== 0;
const isTemplate = (table: Table, index: number): boolean =>
  (field(table, index, 'kind') & Kind.Template) !== 0;

function stateOf(word: number, isTemplate: boolean): number {
  if (!isTemplate) return word & StateBits.State;
  return word & StateBits.Assured ? TemplateState.Assured : TemplateState.None;
}

function addressOf({ version, memory, at }: Table, index: number, side: 'client' | 'virtual'): IpAddress {
  if (version === 6) return { version, words: memory.words(index, at[side]) };
  return { version, words: [memory.get32(index, at[side]) | 0, 0, 0, 0] };
}
