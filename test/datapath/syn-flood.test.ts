/** While a SYN flood is on the first SYN of a connection is dropped: what begins it, what ends it, whom it concerns. */
import { describe, expect, test } from 'vitest';
import { ticksFromSec } from '../../src/clock.ts';
import { SynFlood } from '../../src/datapath/syn-flood.ts';
import { addServer, addService } from '../helpers/edits.ts';
import { ACK, eth, RST, SYN } from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { DIRECTOR_ADDRESS, type Handled, TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const WEB6 = `tcp [${VIP6}]:80`;
const FTP = `tcp ${VIP}:21`;
const RATE = 20;
const LOOKS_PER_SECOND = 20;

const serve = (director: TestDirector): TestDirector => {
  director.edit(
    ...[addService(WEB), addServer(WEB, '10.0.0.11:80'), addServer(WEB, '10.0.0.12:80')],
    ...[addService(WEB6), addServer(WEB6, '[fd00:10::b]:80'), addService(FTP)],
    { op: 'set-marks', rules: [{ mark: 7, protocol: 'tcp', destination: VIP, ports: [8080, 8080] }] },
    addService('fwmark 7'),
    addServer('fwmark 7', '10.0.0.13:0'),
  );
  return director;
};

const directorWith = (rate: number = RATE): TestDirector =>
  serve(new TestDirector([], { settings: { syn_flood_rate: rate }, connectionTableSize: 4096 }));

const tcp = (director: TestDirector, port: number, flags: number = SYN): Handled['verdict'] =>
  director.handle(eth().ipv4(CLIENT, VIP).tcp(port, 80, flags)).verdict;

function wait(director: TestDirector, seconds: number): void {
  const { path } = director;
  for (let looks = Math.round(seconds * LOOKS_PER_SECOND); looks > 0; looks--) {
    director.wait(1 / LOOKS_PER_SECOND);
    path.synFlood.look(path.now, path.settings.syn_flood_rate);
  }
}

let forged = 0;
/** SYNs from ever new addresses, and then a look. */
function flood(director: TestDirector, count: number = RATE + 1): void {
  for (let left = count; left > 0; left--, forged++) {
    const source = `20.${forged >> 16}.${(forged >> 8) & 255}.${forged & 255}`;
    director.handle(eth().ipv4(source, VIP).tcp(1024, 80, SYN));
  }
  wait(director, 1 / LOOKS_PER_SECOND);
}

function floodedDirector(rate = RATE): TestDirector {
  const director = directorWith(rate);
  flood(director, rate + 1);
  expect(director.path.synFlood.isOn).toBe(true);
  return director;
}

describe('a flood is on', () => {
  const isOn = ({ path }: TestDirector) => path.synFlood.isOn;

  test('with more half-open connections in a second than the setting says, at the next look', () => {
    const director = directorWith();
    flood(director, RATE);
    expect(isOn(director)).toBe(false);
    flood(director, 1);
    expect(isOn(director)).toBe(true);
  });

  test('not with as many of each second', () => {
    const director = directorWith();
    for (let second = 0; second < 5; second++) {
      flood(director, RATE - 1);
      wait(director, 1);
    }
    expect(isOn(director)).toBe(false);
  });

  test('not with more that become established', () => {
    const director = directorWith();
    for (let port = 1; port <= 10 * RATE; port++) {
      tcp(director, port);
      tcp(director, port, ACK);
    }
    wait(director, 1 / LOOKS_PER_SECOND);
    expect(isOn(director)).toBe(false);
  });

  test('not with SYNs that open nothing: sent again, to no service', () => {
    const director = directorWith();
    for (let count = 0; count < 10 * RATE; count++) {
      tcp(director, 5000);
      director.handle(eth().ipv4(CLIENT, VIP).tcp(count, 81, SYN));
    }
    wait(director, 1 / LOOKS_PER_SECOND);
    expect(isOn(director)).toBe(false);
  });

  test('never where the setting is 0, and no longer when it becomes 0', () => {
    const director = directorWith(0);
    flood(director, 1000);
    expect(isOn(director)).toBe(false);
    const flooded = floodedDirector();
    flooded.edit({ op: 'set', name: 'syn_flood_rate', value: 0 });
    wait(flooded, 1);
    expect(isOn(flooded)).toBe(false);
  });

  test('until a whole second has had less than half of it', () => {
    const director = floodedDirector();
    for (let second = 0; second < 5; second++) {
      flood(director, RATE / 2);
      wait(director, 0.95);
      expect(isOn(director)).toBe(true);
    }
    flood(director, RATE / 2 - 1);
    wait(director, 0.9);
    expect(isOn(director)).toBe(true);
    wait(director, 0.1);
    expect(isOn(director)).toBe(false);
  });

  test('no longer than the flood, however many clients come', () => {
    const director = floodedDirector();
    let waiting: number[] = [];
    for (let second = 0, port = 1001; second < 5; second++) {
      const trying = [...waiting, ...Array.from({ length: 10 * RATE }, () => port++)];
      waiting = trying.filter((each) => tcp(director, each) === 'DropFirstSyn');
      for (const each of trying) if (!waiting.includes(each)) tcp(director, each, ACK);
      wait(director, 1);
      if (second > 1) expect(isOn(director)).toBe(false);
    }
    const established = director.connections().filter(({ state }) => state === 'ESTABLISHED');
    expect(established).toHaveLength(50 * RATE);
  });
});

describe('while it is on', () => {
  test('a client gets its connection when it sends its SYN again', () => {
    const director = floodedDirector();
    expect(tcp(director, 5000)).toBe('DropFirstSyn');
    expect(director.connections().some(({ client }) => client.port === 5000)).toBe(false);
    flood(director);
    wait(director, 0.95);
    flood(director);
    expect([tcp(director, 5000), tcp(director, 5000, ACK)]).toEqual(['Forward', 'Forward']);
    expect(director.connections().find(({ client }) => client.port === 5000)?.state).toBe('ESTABLISHED');
  });

  test('one whose answer is lost gets through after 3 s, too', () => {
    const director = floodedDirector();
    const verdicts = [tcp(director, 5000)];
    for (const seconds of [1, 2]) {
      for (let each = 0; each < seconds; each++) {
        flood(director);
        wait(director, 0.95);
      }
      verdicts.push(tcp(director, 5000));
    }
    expect(verdicts).toEqual(['DropFirstSyn', 'Forward', 'Forward']);
  });

  test('established connections go on', () => {
    const director = directorWith();
    tcp(director, 5000);
    tcp(director, 5000, ACK);
    flood(director, RATE + 2);
    expect(director.path.synFlood.isOn).toBe(true);
    for (let count = 0; count < 10; count++) expect(tcp(director, 5000, ACK)).toBe('Forward');
    expect(tcp(director, 5000, RST)).toBe('Forward');
  });

  test('no other packet is dropped, and none that is for no service', () => {
    const director = floodedDirector();
    const from = (client: string, clientPort: number, port: number, flags = SYN) =>
      director.handle(eth().ipv4(client, VIP).tcp(clientPort, port, flags)).verdict;
    expect({
      noService: from(CLIENT, 5001, 81),
      segment: from(CLIENT, 5001, 80, ACK),
      reset: from(CLIENT, 5001, 80, SYN | RST),
      martian: from('127.0.0.1', 5001, 80),
      own: from(DIRECTOR_ADDRESS, 5001, 80),
      ftpData: from(CLIENT, 20, 80),
      ftpPort: from(CLIENT, 5001, 2000),
      udp: director.handle(eth().ipv4(CLIENT, VIP).udp(5001, 80)).verdict,
    }).toEqual({
      noService: 'PassNotVirtual',
      segment: 'DeliverUnscheduled',
      reset: 'DeliverUnscheduled',
      martian: 'DropMartianSource',
      own: 'DropMartianSource',
      ftpData: 'DeliverUnscheduled',
      ftpPort: 'PassNotVirtual',
      udp: 'PassNotVirtual',
    });
  });

  test('firewall marks and IPv6 are as others', () => {
    const director = floodedDirector();
    const marked = () => director.handle(eth().ipv4(CLIENT, VIP).tcp(5002, 8080, SYN)).verdict;
    const six = () => director.handle(eth().ipv6(CLIENT6, VIP6).tcp(5002, 80, SYN)).verdict;
    expect([marked(), six(), marked(), six()]).toEqual([
      'DropFirstSyn',
      'DropFirstSyn',
      'Forward',
      'Forward',
    ]);
  });
});

test('takes no memory before it begins and after it ends', () => {
  const bytesOf = (flood: SynFlood) =>
    (flood as unknown as { firstSyns: { words: Int32Array } }).firstSyns.words.byteLength;
  const synFlood = new SynFlood();
  const sizes = [bytesOf(synFlood)];
  synFlood.countHalfOpen();
  synFlood.countHalfOpen();
  synFlood.look(1, 1);
  sizes.push(bytesOf(synFlood));
  synFlood.look(ticksFromSec(2), 1);
  sizes.push(bytesOf(synFlood));
  expect(sizes).toEqual([8, 8 * 2 ** 20, 8]);
});
