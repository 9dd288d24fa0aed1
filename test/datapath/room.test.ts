/** A table that is full: who makes room, who stays, and what becomes of honest clients in the middle of a flood. */
import { describe, expect, test } from 'vitest';
import type { ServiceOptions } from '../../src/service/model.ts';
import { addServer, addService } from '../helpers/edits.ts';
import { ACK, eth, FIN, SYN } from '../helpers/frame-builder.ts';
import { VIP } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const DNS = `udp ${VIP}:53`;
const SIP = `sctp ${VIP}:5060`;
const CAPACITY = 4096;

const clientOf = (number: number): string =>
  `20.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
const forgedOf = (number: number): string => `6${(number >> 24) & 1}.${clientOf(number).slice(3)}`;

function create(connectionTableSize: number, options: Partial<ServiceOptions> = {}): TestDirector {
  const services = [WEB, DNS, SIP].flatMap((service) => [
    addService(service, options),
    ...['10.0.0.11', '10.0.0.12'].map((server) =>
      addServer(service, server + service.slice(service.lastIndexOf(':'))),
    ),
  ]);
  return new TestDirector(services, { connectionTableSize });
}

const tcp = (director: TestDirector, client: string, port: number, flags = SYN) =>
  director.handle(eth().ipv4(client, VIP).tcp(port, 80, flags)).verdict;
const udp = (director: TestDirector, client: string, port: number) =>
  director.handle(eth().ipv4(client, VIP).udp(port, 53)).verdict;
const sctp = (director: TestDirector, client: string, port: number, type: number) =>
  director.handle(eth().ipv4(client, VIP).sctp(port, 5060, [{ type }])).verdict;
const madeRoom = (director: TestDirector) => director.session.readCounters().madeRoom;

describe('in a table that is full', () => {
  test('the oldest half-open connection makes room', () => {
    const director = create(4);
    for (const port of [1, 2, 3, 4]) {
      tcp(director, clientOf(1), port);
      director.wait(1);
    }
    expect(tcp(director, clientOf(1), 5)).toBe('Forward');
    expect(
      director
        .connections()
        .map(({ client }) => client.port)
        .sort(),
    ).toEqual([2, 3, 4, 5]);
    expect(madeRoom(director)).toEqual({ halfOpen: 1 });
  });

  test('so does one of UDP after its first packet, by its age and not by the time it has left', () => {
    const director = create(4);
    udp(director, clientOf(1), 1);
    director.wait(1);
    for (const port of [2, 3, 4]) tcp(director, clientOf(1), port);
    expect(tcp(director, clientOf(1), 5)).toBe('Forward');
    expect(
      director
        .connections()
        .map(({ client }) => client.port)
        .sort(),
    ).toEqual([2, 3, 4, 5]);
    expect(madeRoom(director)).toEqual({ udp: 1 });
  });

  test('so does one of SCTP before its handshake', () => {
    const director = create(1);
    sctp(director, clientOf(1), 1, 1);
    expect(sctp(director, clientOf(1), 2, 1)).toBe('Forward');
    expect(madeRoom(director)).toEqual({ halfOpen: 1 });
  });

  test('what has shown that somebody is there stays, whatever its protocol', () => {
    const director = create(3);
    for (const flags of [SYN, ACK]) tcp(director, clientOf(1), 1, flags);
    for (let packet = 1; packet <= 2; packet++) udp(director, clientOf(1), 2);
    for (const type of [1, 10]) sctp(director, clientOf(1), 3, type);
    for (const open of [tcp, udp]) expect(open(director, clientOf(1), 9)).toBe('DropConnectionTableFull');
    for (const flags of [ACK, FIN | ACK]) expect(tcp(director, clientOf(1), 1, flags)).toBe('Forward');
    expect(tcp(director, clientOf(1), 9)).toBe('DropConnectionTableFull');
    expect(madeRoom(director)).toEqual({});
  });

  test('one whose time is up makes room first, and is not counted', () => {
    const director = create(2);
    for (const flags of [SYN, ACK]) tcp(director, clientOf(1), 1, flags);
    director.wait(890);
    tcp(director, clientOf(1), 2);
    director.wait(11);
    expect(tcp(director, clientOf(1), 3)).toBe('Forward');
    expect(
      director
        .connections()
        .map(({ client }) => client.port)
        .sort(),
    ).toEqual([2, 3]);
    expect(madeRoom(director)).toEqual({});
  });

  test('a template makes room when nobody depends on it and it is not assured, but not for its own connection', () => {
    const director = create(2, { persistentSec: 600 });
    tcp(director, clientOf(1), 1);
    // The template finds room, its connection the place of the half-open one.
    expect(tcp(director, clientOf(2), 1)).toBe('Forward');
    expect(director.connections().map(({ client }) => `${client.address} ${client.port}`)).toEqual(
      expect.arrayContaining([`${clientOf(2)} 0`, `${clientOf(2)} 1`]),
    );
    expect(madeRoom(director)).toEqual({ halfOpen: 1, template: 1 });
    tcp(director, clientOf(2), 1, ACK);
    expect(tcp(director, clientOf(3), 1)).toBe('DropConnectionTableFull');
  });
});

describe('in a flood', () => {
  const HONEST_SHARE = 20;
  /** Honest ones that come until one has its answer: with the usual size of the table as many as a third of a second brings at 300,000 frames a second. */
  const DELAY = Math.floor(CAPACITY / 10 / HONEST_SHARE);
  const ESTABLISHED = CAPACITY / 4;

  test.each([
    ['SYN', 0],
    ['SYN', 600],
    ['UDP', 0],
    ['UDP', 600],
  ] as const)(
    'of %s from forged addresses 99 of 100 honest clients get their connection, persistence %i s',
    (kind, persistentSec) => {
      const director = create(CAPACITY, { persistentSec });
      const established = ESTABLISHED / (persistentSec > 0 ? 2 : 1);
      for (let client = 0; client < established; client++)
        for (const flags of [SYN, ACK]) tcp(director, clientOf(client), 5000, flags);
      let forged = 0;
      const flood = (count: number) => {
        for (let each = 0; each < count; each++) {
          const port = 1024 + (forged & 0x3fff);
          if (kind === 'SYN') tcp(director, forgedOf(forged++), port);
          else udp(director, forgedOf(forged++), port);
          if (forged % 80 === 0) director.wait(0.01);
        }
      };
      flood(4 * CAPACITY);
      let failed = 0;
      const honest = 600;
      for (let client = 0; client < honest + DELAY; client++) {
        flood(HONEST_SHARE);
        tcp(director, clientOf(100_000 + client), 4000);
        if (client >= DELAY && tcp(director, clientOf(100_000 + client - DELAY), 4000, ACK) !== 'Forward')
          failed++;
      }
      expect(failed, `${failed} of ${honest}`).toBeLessThan(honest / 100);
      for (let client = 0; client < established; client++)
        expect(tcp(director, clientOf(client), 5000, ACK)).toBe('Forward');
      expect(director.path.connections.live).toBe(CAPACITY);
    },
  );
});
