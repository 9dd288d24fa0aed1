/** Who answers for a virtual address, and what the kernel's settings say of it. */
import { describe, expect, test } from 'vitest';
import { arpOwner } from '../../src/doctor/checks/arp-owner.ts';
import { arpSettings } from '../../src/doctor/checks/arp-settings.ts';
import { neighbor } from '../../src/doctor/checks/neighbor.ts';
import { ids, SERVER, SERVER_MAC, service, setting, VIP, VIP6 } from './facts.ts';

const OTHER_MAC = '02:00:00:00:00:99';

describe('who answers for the virtual address', () => {
  const owners = (...macs: string[]) => [{ virtual: VIP, macs }];
  const known = [
    { mac: SERVER_MAC, address: SERVER, isServer: true },
    { mac: OTHER_MAC, address: '10.0.0.9', isServer: false },
  ];
  const facts = {
    role: 'director' as const,
    owners: owners(),
    known,
    otherLinks: [{ name: 'eth1', mac: '02:00:00:00:00:01' }],
  };

  test('nobody does: this host does not hear itself', () => {
    expect(arpOwner.judge(facts)).toEqual([]);
  });

  test('a real server, which is told to be quiet and to have it on lo', () => {
    const [finding] = arpOwner.judge({ ...facts, owners: owners(SERVER_MAC) });
    expect(finding).toMatchObject({ id: 'real-server-answers-arp', fix: { on: SERVER } });
    expect(finding!.fix!.command).toContain('arp_ignore=1');
    expect(finding!.shown).toContain(SERVER_MAC);
  });

  test('a stranger, known by its address or only by its MAC, who is told to give it up', () => {
    const [seen, unseen] = [OTHER_MAC, '02:00:00:00:00:aa'].map(
      (mac) => arpOwner.judge({ ...facts, owners: owners(mac) })[0]!,
    );
    expect(ids([seen!, unseen!])).toEqual(['duplicate-vip', 'duplicate-vip']);
    expect(seen!.fix!.on).toContain('10.0.0.9');
    expect(unseen!.fix!.on).toContain('02:00:00:00:00:aa');
    expect(seen!.fix!.command).not.toContain('dev lo');
  });

  test('another card of this host', () => {
    const [finding] = arpOwner.judge({ ...facts, owners: owners('02:00:00:00:00:01') });
    expect(finding).toMatchObject({
      id: 'own-interface-answers',
      fix: { on: null, command: 'sysctl -w net/ipv4/conf/eth1/arp_ignore=1' },
    });
  });

  test('several, each a finding', () => {
    expect(ids(arpOwner.judge({ ...facts, owners: owners(SERVER_MAC, OTHER_MAC) }))).toEqual([
      'real-server-answers-arp',
      'duplicate-vip',
    ]);
  });

  test.each([
    [[], ['vip-unanswered']],
    [[OTHER_MAC], []],
    [[OTHER_MAC, SERVER_MAC], ['duplicate-vip']],
  ])('as a real server sees it: %j', (macs, expected) => {
    expect(ids(arpOwner.judge({ ...facts, role: 'real-server', owners: owners(...macs) }))).toEqual(expected);
  });
});

describe('arp_ignore and arp_announce', () => {
  const judge = (ignore: [number, number], announce: [number, number], virtual = [VIP]) =>
    arpSettings.judge({
      virtual,
      ignore: setting('arp_ignore', ...ignore),
      announce: setting('arp_announce', ...announce),
    });

  test.each([
    [[1, 0], [2, 0], []],
    [[0, 1], [0, 2], []],
    [[2, 0], [2, 1], []],
    [[0, 0], [2, 0], ['arp-ignore']],
    [[3, 1], [2, 0], ['arp-ignore']],
    [[1, 8], [2, 0], ['arp-ignore']],
    [[1, 0], [1, 1], ['arp-announce']],
    [
      [0, 0],
      [0, 0],
      ['arp-ignore', 'arp-announce'],
    ],
  ] as const)('%j and %j on the interface and on all', (ignore, announce, expected) => {
    expect(ids(judge([...ignore], [...announce]))).toEqual(expected);
  });

  test('the value of all is mended where that is the one in force', () => {
    expect(judge([1, 3], [2, 0])[0]!.fix!.command).toBe('sysctl -w net/ipv4/conf/all/arp_ignore=1');
    expect(judge([0, 0], [2, 0])[0]!.fix!.command).toBe('sysctl -w net/ipv4/conf/eth0/arp_ignore=1');
  });

  test('IPv6 has no need of them', () => {
    expect(judge([0, 0], [0, 0], [VIP6])).toEqual([]);
  });
});

describe('the MAC of a real server', () => {
  const judge = (answering: string[], mac: string | null = SERVER_MAC) =>
    neighbor.judge({
      servers: [
        {
          address: SERVER,
          kind: 'neighbor',
          mac,
          state: 'STALE',
          interfaceName: 'eth0',
          services: [service(), service({ port: 443, option: `-t ${VIP}:443`, serverText: `${SERVER}:443` })],
          answering,
        },
      ],
    });

  test('is the one that answers', () => expect(judge([SERVER_MAC])).toEqual([]));
  test('is not known yet', () => expect(judge([OTHER_MAC], null)).toEqual([]));

  test('nobody answers: out of each of its services', () => {
    expect(judge([]).map(({ id, fix }) => [id, fix!.command])).toEqual([
      ['server-silent', `diradm -d -t ${VIP}:80 -r ${SERVER}:80`],
      ['server-silent', `diradm -d -t ${VIP}:443 -r ${SERVER}:443`],
    ]);
  });

  test('is another one', () => {
    expect(judge([OTHER_MAC])).toMatchObject([
      { id: 'neighbor-wrong', fix: { on: null, command: `ip neigh del ${SERVER} dev eth0` } },
    ]);
  });

  test('several answer', () => {
    expect(ids(judge([SERVER_MAC, OTHER_MAC]))).toEqual(['duplicate-server-address']);
  });
});
