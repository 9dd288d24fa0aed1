/** How a probe through the virtual address fails tells why. */
import { describe, expect, test } from 'vitest';
import { clock } from '../../src/doctor/checks/clock.ts';
import { listening } from '../../src/doctor/checks/listening.ts';
import { largestBetween, mtu } from '../../src/doctor/checks/mtu.ts';
import { serverPath } from '../../src/doctor/checks/server-path.ts';
import { parseListeners } from '../../src/doctor/listeners.ts';
import type { Answer } from '../../src/doctor/reach.ts';
import type { ServerReach } from '../../src/doctor/server-reach.ts';
import { ids, OWN, SERVER, SERVER_MAC, service, VIP } from './facts.ts';

const [OPEN, REFUSED, SILENT] = (['open', 'refused', 'silent'] as const).map(
  (kind): Answer => ({ kind }),
) as [Answer, Answer, Answer];
const rejected = (by: string): Answer => ({ kind: 'rejected', by });
const UNREACHABLE = rejected('ICMP port unreachable from 10.0.0.11');

const reach = (difference: Partial<ServerReach>): ServerReach => ({
  server: SERVER,
  mac: SERVER_MAC,
  service: service(),
  pings: true,
  pingsVirtual: true,
  own: OPEN,
  virtual: OPEN,
  ...difference,
});
const judge = (...reached: Partial<ServerReach>[]) => serverPath.judge(reached.map(reach));

describe('a real server of a TCP service', () => {
  test.each<[string, Partial<ServerReach>, string[]]>([
    ['accepts', {}, []],
    ['accepts, and answers no ping', { pings: false, pingsVirtual: false }, []],
    ['resets, at its own address too', { virtual: REFUSED, own: REFUSED }, ['server-not-listening']],
    ['resets, and accepts at its own address', { virtual: REFUSED }, ['not-listening-on-vip']],
    ['rejects', { virtual: UNREACHABLE, own: UNREACHABLE }, ['server-rejects']],
    ['is silent, but for a ping of the virtual address', { virtual: SILENT, own: SILENT }, ['server-drops']],
    [
      'is silent for the virtual address altogether',
      { virtual: SILENT, pingsVirtual: false },
      ['vip-missing-on-server'],
    ],
    [
      'likewise, and answers no ping at all',
      { virtual: SILENT, pingsVirtual: false, pings: false },
      ['vip-missing-on-server'],
    ],
    [
      'is silent in all',
      { virtual: SILENT, own: SILENT, pingsVirtual: false, pings: false },
      ['server-drops'],
    ],
  ])('%s', (_what, difference, expected) => {
    expect(ids(judge(difference))).toEqual(expected);
  });

  test('each finding says where it is mended', () => {
    const fixOf = (difference: Partial<ServerReach>) => judge(difference)[0]!.fix!;
    expect(fixOf({ virtual: REFUSED, own: REFUSED })).toEqual({
      on: null,
      command: `diradm -d -t ${VIP}:80 -r ${SERVER}:80`,
    });
    expect(fixOf({ virtual: REFUSED })).toMatchObject({ on: SERVER });
    expect(fixOf({ virtual: REFUSED }).command).toContain(`ip daddr ${VIP} tcp dport 80 dnat to ${SERVER}`);
    expect(fixOf({ virtual: UNREACHABLE }).command).toContain(`ip daddr ${VIP} tcp dport 80 accept`);
    expect(fixOf({ virtual: SILENT, pingsVirtual: false }).command).toContain(`ip addr add ${VIP}/32 dev lo`);
  });
});

describe('a real server of a UDP service', () => {
  const udp = service({ protocol: 'udp', port: 53 });
  test.each<[string, Partial<ServerReach>, string[]]>([
    ['is silent, as most programs are', { virtual: SILENT, own: SILENT }, []],
    ['says that there is no program', { virtual: UNREACHABLE, own: UNREACHABLE }, ['server-not-listening']],
    ['rejects', { virtual: rejected('ICMP administratively prohibited from 10.0.0.11') }, ['server-rejects']],
    [
      'does not have the virtual address',
      { virtual: SILENT, own: SILENT, pingsVirtual: false },
      ['vip-missing-on-server'],
    ],
    ['answers no ping', { virtual: SILENT, own: SILENT, pingsVirtual: false, pings: false }, []],
  ])('%s', (_what, difference, expected) => {
    expect(ids(judge({ service: udp, ...difference }))).toEqual(expected);
  });
});

test('of a service that cannot be asked, pings tell', () => {
  const all = service({ port: 0 });
  expect(judge({ service: all, own: null, virtual: null })).toEqual([]);
  expect(ids(judge({ service: all, own: null, virtual: null, pingsVirtual: false }))).toEqual([
    'vip-missing-on-server',
  ]);
});

test('a missing address is said once, whatever number of services it has', () => {
  const missing = { virtual: SILENT, pingsVirtual: false };
  expect(judge(missing, { ...missing, service: service({ port: 443 }) })).toHaveLength(1);
});

describe('the longest packet', () => {
  test.each([576, 577, 1399, 1400, 1480, 1499])('%i bytes, found in three rounds', async (longest) => {
    let rounds = 0;
    let isNewRound = true;
    const answers = async (size: number) => {
      if (isNewRound) rounds++;
      isNewRound = false;
      await Promise.resolve();
      isNewRound = true;
      return size <= longest;
    };
    expect(await largestBetween(answers, 576, 1500)).toBe(longest);
    expect(rounds).toBeLessThanOrEqual(3);
  });

  const facts = (role: 'director' | 'real-server', largest: number) => ({
    role,
    peers: [
      { address: SERVER, what: 'it', mac: SERVER_MAC, interfaceName: 'eth0', mtu: 1500, largest, own: OWN },
    ],
  });
  test('is as long as the MTU', () => expect(mtu.judge(facts('director', 1500))).toEqual([]));
  test('is shorter: mended at the server, or on a real server here', () => {
    expect(mtu.judge(facts('director', 1400))).toMatchObject([{ id: 'mtu-differs', fix: { on: SERVER } }]);
    expect(mtu.judge(facts('real-server', 1400))).toMatchObject([
      { id: 'mtu-differs', fix: { on: null, command: 'ip link set mtu 1400 dev eth0' } },
    ]);
  });
});

test.each([
  [0, []],
  [1999, []],
  [2001, ['clock-differs']],
  [-2001, ['clock-differs']],
])('a clock that is %i ms ahead', (aheadMs, expected) => {
  expect(ids(clock.judge([{ address: SERVER, aheadMs }]))).toEqual(expected);
});

describe('who listens on a real server', () => {
  const facts = (places: readonly string[], rules = '') => ({
    services: [{ protocol: 'tcp' as const, address: VIP, port: 80 }],
    virtual: [VIP],
    own: { 4: OWN, 6: undefined },
    listeners: places.map((address) => ({ protocol: 'tcp' as const, address, port: 80 })),
    rules,
  });
  test.each([
    [[VIP], []],
    [['0.0.0.0'], []],
    [['::'], []],
    [[OWN], ['listens-elsewhere']],
    [[OWN, VIP], []],
    [['127.0.0.1'], ['not-listening']],
    [[], ['not-listening']],
  ])('%j', (places, expected) => {
    expect(ids(listening.judge(facts(places)))).toEqual(expected);
  });

  test('a rule that leads the port elsewhere is as good', () => {
    expect(listening.judge(facts([OWN], `\t\tip daddr ${VIP} tcp dport 80 dnat to ${OWN}\n`))).toEqual([]);
    expect(ids(listening.judge(facts([OWN], `\t\tip daddr ${VIP} tcp dport 8080 dnat to ${OWN}\n`)))).toEqual(
      ['listens-elsewhere'],
    );
  });

  test('where no service is named, it is a guess', () => {
    expect(ids(listening.judge({ ...facts([OWN]), services: [] }))).toEqual(['may-not-listen']);
    expect(listening.judge({ ...facts(['0.0.0.0', OWN]), services: [] })).toEqual([]);
  });
});

test('/proc/net/tcp and its likes, as a little-endian machine writes them', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue\n';
  const tcp = `${head}   0: 70141AAC:0050 00000000:0000 0A 00000000:00000000\n   1: 70141AAC:0050 6E141AAC:D431 01 00000000:00000000\n`;
  expect(parseListeners('tcp', tcp)).toEqual([{ protocol: 'tcp', address: '172.26.20.112', port: 80 }]);
  const tcp6 = `${head}   0: 720100FD200026000000000012010000:01BB 00000000000000000000000000000000:0000 0A \n   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A \n`;
  expect(parseListeners('tcp6', tcp6).map(({ address, port }) => [address, port])).toEqual([
    ['fd00:172:26:20::112', 443],
    ['::', 22],
  ]);
  expect(parseListeners('udp', `${head}   0: 00000000:0035 00000000:0000 07 \n`)).toEqual([
    { protocol: 'udp', address: '0.0.0.0', port: 53 },
  ]);
});
