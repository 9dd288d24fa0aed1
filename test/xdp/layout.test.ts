/** The layouts in TypeScript against those that a C compiler makes of layout.h and capture_layout.h in native/bpf, and the verdicts. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MAX_CAPTURES, MAX_SNAP_BYTES } from '../../src/capture/wish.ts';
import { ROOM_MAKERS, RoomMaker } from '../../src/datapath/room.ts';
import { VERDICT_COUNT, Verdict } from '../../src/datapath/verdict.ts';
import * as captureLayout from '../../src/xdp/capture-layout.ts';
import * as layout from '../../src/xdp/layout.ts';
import type { Struct } from '../../src/xdp/struct.ts';

const BPF = join(import.meta.dirname, '../../native/bpf');

/** Name in C: fields are the same words, in snake case. */
const STRUCTS: Readonly<Record<string, Struct<string>>> = {
  config: layout.CONFIG,
  service: layout.SERVICE,
  service_slot: layout.SERVICE_SLOT,
  cell_line: layout.CELL_LINE,
  server: layout.SERVER,
  connection: layout.CONNECTION,
  connection4: layout.CONNECTION4,
  connection6: layout.CONNECTION6,
  group_line: layout.GROUP_LINE,
  traffic: layout.TRAFFIC,
  zeroed: layout.ZEROED,
  verdict_counts: layout.VERDICT_COUNTS,
  mark_rule: layout.MARK_RULE,
  address_key: layout.ADDRESS_KEY,
  datagram_key: layout.DATAGRAM_KEY,
  datagram: layout.DATAGRAM,
  cache_key: layout.CACHE_KEY,
  cache_entry: layout.CACHE_ENTRY,
  reply_client: layout.REPLY_CLIENT,
  event: layout.EVENT,
  waiting_event: layout.WAITING_EVENT,
  note: layout.NOTE,
  sweep_arguments: layout.SWEEP_ARGUMENTS,
  end_arguments: layout.END_ARGUMENTS,
  capture_end: captureLayout.CAPTURE_END,
  capture_wish: captureLayout.CAPTURE_WISH,
  capture_counts: captureLayout.CAPTURE_COUNTS,
  captured: captureLayout.CAPTURED,
};

const CONSTANTS: Readonly<Record<string, number>> = {
  LAYOUT_VERSION: layout.LAYOUT_VERSION,
  WAYS: layout.WAYS,
  CELLS: layout.CELLS,
  SERVICE_PROBES: layout.SERVICE_PROBES,
  OWN_ADDRESS_WORDS: layout.OWN_ADDRESS_WORDS,
  MAX_WAITING_BYTES: layout.MAX_WAITING_BYTES,
  NOTE_BYTES: layout.NOTE_BYTES,
  BUCKETS_PER_GROUP: layout.BUCKETS_PER_GROUP,
  GROUPS: layout.GROUPS,
  GROUP_SPILLS: layout.GROUP_SPILLS,
  SERVICE_IS_MARK: layout.ServiceFlag.IsMark,
  SERVICE_ONE_PACKET: layout.ServiceFlag.OnePacket,
  SERVICE_SIP: layout.ServiceFlag.Sip,
  REACH_UNRESOLVED: layout.ReachNumber.Unresolved,
  REACH_NEIGHBOR: layout.ReachNumber.Neighbor,
  REACH_LOCAL: layout.ReachNumber.Local,
  REACH_UNREACHABLE: layout.ReachNumber.Unreachable,
  SERVER_LISTED: layout.ServerFlag.Listed,
  SERVER_TAKES_CONNECTIONS_ALONG: layout.ServerFlag.TakesConnectionsAlong,
  SERVER_FAILED: layout.ServerFlag.Failed,
  KIND_TEMPLATE: layout.Kind.Template,
  KIND_LIVE: layout.Kind.Live,
  KIND_SPILLED: layout.Kind.Spilled,
  KIND_INVALIDATED: layout.Kind.Invalidated,
  SERVER_BITS: layout.SERVER_BITS,
  CACHE_SERVERS: layout.CACHE_SERVERS,
  STATE_MASK: layout.StateBits.State,
  STATE_INACTIVE: layout.StateBits.Inactive,
  STATE_NO_OUTPUT: layout.StateBits.NoOutput,
  STATE_COUNT_SHIFT: layout.StateBits.CountShift,
  STATE_ASSURED: layout.StateBits.Assured,
  LINK_IS_TEMPLATE: layout.LinkBits.IsTemplate,
  LINK_IS_SOLE: layout.LinkBits.IsSole,
  LINK_COUNT_MASK: layout.LinkBits.CountMask,
  ROOM_HALF_OPEN: RoomMaker.halfOpen,
  ROOM_UDP: RoomMaker.udp,
  ROOM_TEMPLATE: RoomMaker.template,
  ROOM_MAKERS,
  VERDICT_COUNT,
  MAX_CAPTURES,
  MAX_KEPT_BYTES: MAX_SNAP_BYTES,
  NO_NUMBER: captureLayout.NO_NUMBER,
  EVENT_WAITING_FRAGMENT: layout.EventKind.WaitingFragment,
  EVENT_FIRST_FRAGMENT: layout.EventKind.FirstFragment,
  EVENT_ARP_CONFLICT: layout.EventKind.ArpConflict,
  ...Object.fromEntries(layout.SCHEDULERS.map((name, number) => [`SCHEDULER_${name.toUpperCase()}`, number])),
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const folder = mkdtempSync(join(tmpdir(), 'director-layout-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a compiler says of each struct, field and constant. */
function compiled(): Map<string, number> {
  const lines = [
    ...Object.entries(STRUCTS).flatMap(([name, { at }]) => [
      `T("${name}", sizeof(struct ${name}))`,
      ...Object.keys(at).map((field) => `T("${name}.${field}", offsetof(struct ${name}, ${snake(field)}))`),
    ]),
    ...Object.keys(CONSTANTS).map((name) => `T("${name}", ${name})`),
  ];
  const source = `#include <stddef.h>
#include <stdio.h>
#include "${BPF}/layout.h"
#include "${BPF}/capture_layout.h"
#define T(name, value) printf("%s %lu\\n", name, (unsigned long)(value));
int main(void) { ${lines.join(' ')} return 0; }`;
  writeFileSync(join(folder, 'layout.c'), source);
  execFileSync('cc', ['-o', join(folder, 'layout'), join(folder, 'layout.c')]);
  const output = execFileSync(join(folder, 'layout'), { encoding: 'utf8' });
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name, value]) => [name!, Number(value)]),
  );
}

test('structs and constants are those of native/bpf', () => {
  const ours = new Map<string, number>(Object.entries(CONSTANTS));
  for (const [name, { bytes, at }] of Object.entries(STRUCTS)) {
    ours.set(name, bytes);
    for (const [field, offset] of Object.entries(at)) ours.set(`${name}.${field}`, offset);
  }
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(compiled()));
});

test('both notes follow each other as an array of C does', () => {
  expect(layout.NOTES.at.note1 - layout.NOTES.at.note0).toBe(layout.NOTE.bytes);
});

test('verdicts have the numbers of native/bpf/verdict.h', () => {
  const text = readFileSync(join(BPF, 'verdict.h'), 'utf8');
  const inC = [...text.matchAll(/^\tVERDICT_(\w+) = (\d+),$/gm)].map(([, name, number]) => [
    name,
    Number(number),
  ]);
  const inTypeScript = Object.entries(Verdict).map(([name, number]) => [
    snake(name).slice(1).toUpperCase(),
    number,
  ]);
  expect(Object.fromEntries(inC)).toEqual(Object.fromEntries(inTypeScript));
});
