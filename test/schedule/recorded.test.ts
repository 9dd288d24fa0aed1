/**
 * What the schedulers of a real kernel (6.1) chose: test/oracle/recordings and, of the same format, recordings/ here.
 * `schedulers-alone.json` is what the packet path cannot replay: services by firewall mark, whose setting is not
 * shown, and a sysctl that the director has not. Only the choices are compared; the load behind them comes from a
 * few lines below, not from the packet path.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isActiveTcpState, nextTcpState, TcpDirection, TcpState } from '../../src/connection/tcp-state.ts';
import { EXPIRATION } from '../../src/schedule/destination-cache.ts';
import { createScheduler, schedulers } from '../../src/schedule/registry.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { RealServer } from '../../src/service/real-server.ts';
import { ServerRegistry } from '../../src/service/server-registry.ts';
import { ServiceTable } from '../../src/service/service-table.ts';
import type { VirtualService } from '../../src/service/virtual-service.ts';
import { parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { IpProtocol } from '../../src/wire/ipv4.ts';
import { Packet } from '../../src/wire/packet.ts';
import { TcpFlag } from '../../src/wire/transport.ts';
import { editOf } from './command-line.ts';

interface Frame {
  readonly frame: string;
  readonly note: string;
  readonly out: readonly { readonly to?: string; readonly reply?: string }[];
}
type Event =
  | Frame
  | { readonly command: string; readonly exit: number }
  | { readonly sysctl: string; readonly value: number }
  | { readonly waitSec: number }
  | { readonly list: string }
  | { readonly connections: unknown };
interface Case {
  readonly name: string;
  readonly about: string;
  readonly events: readonly Event[];
}
interface Recording {
  readonly directorMac: string;
  readonly cases: readonly Case[];
}

const FILES = [
  '../oracle/recordings/traffic.json',
  './recordings/schedulers.json',
  './recordings/schedulers-alone.json',
];
const RECORDINGS = FILES.map(
  (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Recording,
);
/** Cases that are about choosing. */
const IS_OURS = new RegExp(
  `^(ipv6 )?(${Object.keys(schedulers).join('|')})\\b|^overhead|^thresholds$|^flag-1`,
);
/** What a command takes in the emulated machine that was recorded, about. */
const COMMAND_SEC = 0.4;
const NO_SERVER = ['icmp-3/3', 'icmp6-1/4'];

class Replay {
  private readonly registry = new ServerRegistry();
  private configuration = EMPTY_CONFIGURATION;
  private table = ServiceTable.empty();
  private readonly packet = new Packet();
  private readonly connections = new Map<string, { readonly server: RealServer; state: number }>();
  private readonly ownMac: { high: number; low: number };
  private now = 0;
  /** A recorded expiration is shorter than ours, which is a day. */
  private ticksPerSec = 100;

  constructor(directorMac: string) {
    this.ownMac = parseMac(directorMac)!;
  }

  command(line: string): void {
    const edit = editOf(line);
    if (edit === undefined) return;
    this.configuration = applyEdit(this.configuration, edit);
    this.table = this.table.next(this.configuration, this.registry, createScheduler);
  }

  expireAfter(sec: number): void {
    this.ticksPerSec = EXPIRATION / sec;
  }

  wait(sec: number): void {
    this.now += sec * this.ticksPerSec;
  }

  /** The server that the frame goes to, as text; undefined when there is none. */
  frame(hex: string): { readonly isChoice: boolean; readonly server: string | undefined } {
    const bytes = Buffer.from(hex, 'hex');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const decoded = decode(this.packet, view, bytes.length, this.ownMac);
    if (decoded !== DecodeResult.Continue) return { isChoice: false, server: undefined };
    const key = keyOf(this.packet);
    let connection = this.connections.get(key);
    if (connection !== undefined && this.isOver(connection.state)) {
      this.count(connection.server, connection.state, -1);
      connection = undefined;
    }
    const isChoice = connection === undefined;
    if (connection === undefined) {
      const service = this.table.match(this.packet) ?? this.markedService();
      const server = service?.scheduler?.choose(service, this.packet, this.now);
      if (server === undefined) return { isChoice, server: undefined };
      connection = { server, state: TcpState.None };
      this.connections.set(key, connection);
      this.count(server, connection.state, 1);
    }
    this.step(connection);
    return { isChoice, server: connection.server.address.address };
  }

  private markedService(): VirtualService | undefined {
    for (const service of this.table.services) if ('fwmark' in service.address) return service;
    return undefined;
  }

  private isOver(state: number): boolean {
    const isSyn = !this.packet.isIcmpError && (this.packet.tcpFlags & TcpFlag.Syn) !== 0;
    return isSyn && (state === TcpState.TimeWait || state === TcpState.Close);
  }

  private step(connection: { readonly server: RealServer; state: number }): void {
    if (this.packet.isIcmpError) return;
    expect(this.packet.protocol).toBe(IpProtocol.Tcp);
    this.count(connection.server, connection.state, -1);
    connection.state = nextTcpState(connection.state, this.packet.tcpFlags, TcpDirection.InputOnly);
    this.count(connection.server, connection.state, 1);
  }

  private count(server: RealServer, state: number, change: 1 | -1): void {
    if (isActiveTcpState(state)) server.activeConnections += change;
    else server.inactiveConnections += change;
    server.updateOverload();
  }
}

const keyOf = (packet: Packet): string =>
  [
    [packet.client0, packet.client1, packet.client2, packet.client3, packet.clientPort],
    [packet.virtual0, packet.virtual1, packet.virtual2, packet.virtual3, packet.virtualPort],
  ].join();

/** [note, server] of each choice: what was recorded and what we do. */
function replay(recording: Recording, { events }: Case): { recorded: unknown[]; ours: unknown[] } {
  const director = new Replay(recording.directorMac);
  const recorded: unknown[] = [];
  const ours: unknown[] = [];
  for (const event of events) {
    if ('command' in event || 'list' in event) director.wait(COMMAND_SEC);
    if ('command' in event && event.exit === 0) director.command(event.command);
    if ('sysctl' in event && event.sysctl.endsWith('_expiration')) director.expireAfter(event.value);
    if ('waitSec' in event) director.wait(event.waitSec);
    if (!('frame' in event)) continue;
    const [first] = event.out;
    if (first?.to === undefined && !NO_SERVER.includes(first?.reply ?? '')) continue;
    const { isChoice, server } = director.frame(event.frame);
    if (!isChoice) continue;
    recorded.push([event.note, first!.to]);
    ours.push([event.note, server]);
  }
  return { recorded, ours };
}

for (const recording of RECORDINGS) {
  for (const one of recording.cases.filter(({ name }) => IS_OURS.test(name))) {
    test(`As recorded: ${one.name}`, () => {
      const { recorded, ours } = replay(recording, one);
      expect(recorded.length).toBeGreaterThan(0);
      expect(ours).toEqual(recorded);
    });
  }
}
