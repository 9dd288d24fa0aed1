/** drop_packet, drop_entry and secure_tcp: what they do always, and what they do while the table is nearly full. */
import { describe, expect, test } from 'vitest';
import { defenseLevel } from '../../src/datapath/defense.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/service/settings.ts';
import { addServer, addService } from '../helpers/edits.ts';
import { ACK, eth, SYN } from '../helpers/frame-builder.ts';
import { CLIENT, VIP } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const CAPACITY = 80;

function directorWith(settings: Partial<Settings>): TestDirector {
  return new TestDirector([addService(WEB), addServer(WEB, '10.0.0.11:80')], {
    settings,
    connectionTableSize: CAPACITY,
  });
}

const send = (director: TestDirector, port: number, flags = SYN) =>
  director.handle(
    eth()
      .ipv4(CLIENT, VIP)
      .tcp(1000 + port, 80, flags),
  ).verdict;

/** Opens so many connections, then lets a second pass. */
function fill(director: TestDirector, count: number, flags: readonly number[] = [SYN]): void {
  for (let port = 0; port < count; port++) for (const each of flags) send(director, port, each);
  director.wait(1);
  director.session.everySecond();
}

/** Which of so many new connections are refused. */
const droppedOf = (director: TestDirector, count: number, firstPort = 5000): number[] =>
  Array.from({ length: count }, (_, index) => index).filter(
    (index) => send(director, firstPort + index) === 'DropDefense',
  );

describe('drop_packet', () => {
  test('3: the first and then every am_droprate-th first packet, no other', () => {
    const director = directorWith({ drop_packet: 3, am_droprate: 4 });
    expect(droppedOf(director, 12)).toEqual([0, 4, 8]);
    for (let count = 0; count < 20; count++) expect(send(director, 5001, ACK)).toBe('Forward');
  });

  test.each([1, 2])('%d: nothing while there is room, more the less there is', (mode) => {
    const director = directorWith({ drop_packet: mode });
    fill(director, CAPACITY - 15);
    expect(droppedOf(director, 5)).toEqual([]);
    // Low is below 10 free places; with 9 free it is one in 10 / (10 - 9), with none every one.
    fill(director, CAPACITY - 14);
    expect(director.path.connections.live).toBe(CAPACITY - 9);
    expect(droppedOf(director, 10, 6000)).toEqual([9]);
    director.session.everySecond();
    expect(droppedOf(director, 6, 7000)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('1: every one where more live than were asked for', () => {
    const settings = { ...DEFAULT_SETTINGS, drop_packet: 1 };
    expect([1000, 1001, 2000].map((live) => defenseLevel(settings, 1000, live).dropRate)).toEqual([1, 1, 1]);
  });

  test('0: never', () => {
    const director = directorWith({ drop_packet: 0 });
    fill(director, CAPACITY - 1);
    expect(droppedOf(director, 1)).toEqual([]);
  });

  test('does not touch what opens nothing or is for no service', () => {
    const director = directorWith({ drop_packet: 3, am_droprate: 1 });
    expect(send(director, 1, ACK)).toBe('DeliverUnscheduled');
    expect(director.handle(eth().ipv4(CLIENT, VIP).tcp(1, 81, SYN)).verdict).toBe('PassNotVirtual');
    expect(send(director, 1)).toBe('DropDefense');
  });
});

describe('drop_entry', () => {
  const seconds = (director: TestDirector, count: number): void => {
    for (let second = 0; second < count; second++) director.session.everySecond();
  };

  test('3: half-open connections go, established ones that are not idle stay, and the counts hold', () => {
    const director = directorWith({ drop_entry: 3 });
    for (let port = 0; port < 40; port++) send(director, port);
    for (let port = 0; port < 20; port++) send(director, port, ACK);
    seconds(director, 2000);
    expect(director.load(WEB, '10.0.0.11:80')).toEqual([20, 0]);
    expect(director.path.connections.live).toBe(20);
  });

  test('3: idle ones with few packets go too, ones with many stay', () => {
    const director = directorWith({ drop_entry: 3 });
    for (let port = 0; port < 20; port++) for (const flags of [SYN, ACK]) send(director, port, flags);
    for (let port = 20; port < 30; port++)
      for (let count = 0; count < 12; count++) send(director, port, count === 0 ? SYN : ACK);
    director.wait(100);
    seconds(director, 4000);
    expect(director.connections().every(({ client }) => client.port >= 1020)).toBe(true);
    expect(director.connections()).toHaveLength(10);
  });

  test.each([0, 1, 2])('%d: nothing goes while there is room', (mode) => {
    const director = directorWith({ drop_entry: mode });
    for (let port = 0; port < 40; port++) send(director, port);
    seconds(director, 500);
    expect(director.path.connections.live).toBe(40);
  });
});

describe('secure_tcp', () => {
  test('3: a SYN begins in SYNACK', () => {
    const director = directorWith({ secure_tcp: 3 });
    send(director, 1);
    expect(director.connections()[0]).toMatchObject({ state: 'SYNACK', expiresSec: 120 });
  });

  test('1: as ever while there is room', () => {
    const director = directorWith({ secure_tcp: 1 });
    send(director, 1);
    expect(director.connections()[0]!.state).toBe('SYN_RECV');
  });
});
