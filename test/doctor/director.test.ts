/** What is around a director: its daemon, its rules, other directors, the card, the kernel. */

import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/cli/diradm/parse.ts';
import type { StatusReply } from '../../src/control/protocol.ts';
import { capabilities } from '../../src/doctor/checks/capabilities.ts';
import { daemon } from '../../src/doctor/checks/daemon.ts';
import { faster } from '../../src/doctor/checks/faster.ts';
import { guard } from '../../src/doctor/checks/guard.ts';
import { kernel } from '../../src/doctor/checks/kernel.ts';
import { ipvsServices, kernelIpvs } from '../../src/doctor/checks/kernel-ipvs.ts';
import { offloads } from '../../src/doctor/checks/offloads.ts';
import { lockedInterfaces, otherDirector } from '../../src/doctor/checks/other-director.ts';
import { guardScript } from '../../src/host/guard.ts';
import { RECEIVE_MERGING, VLAN_REMOVAL } from '../../src/host/offloads.ts';
import { fakeResolver } from '../cli/diradm/run-in-process.ts';
import { host, ids, VIP, VIP6 } from './facts.ts';

describe('the guard', () => {
  const web = { protocol: 'tcp' as const, address: VIP, port: 80 };
  const rules = (firstPort: number, lastPort = firstPort) =>
    guardScript('eth0', [{ protocol: 'tcp', address: VIP, firstPort, lastPort }]);
  const judge = (text: string | null, services = [web], isNeeded = true) =>
    ids(guard.judge({ isNeeded, table: 'director_eth0', rules: text, services }));

  test('is whole', () => expect(judge(rules(80))).toEqual([]));
  test('covers a range', () => expect(judge(rules(20, 1023))).toEqual([]));
  test('is not there', () => expect(judge(null)).toEqual(['guard-missing']));
  test('does not name a service', () => expect(judge(rules(81))).toEqual(['guard-missing']));
  test('has lost a rule', () => {
    for (const rule of [
      '    goto services',
      'hook ingress',
      '@services4 counter drop',
      '@services6 counter drop',
    ])
      expect({ rule, found: judge(rules(80).replace(rule, '')) }).toEqual({ rule, found: ['guard-missing'] });
  });
  test('is of no use to xdp', () => expect(judge(null, [web], false)).toEqual([]));
  test('all ports are guarded only where the service is persistent', () => {
    expect(judge(rules(80), [{ ...web, port: 0 }])).toEqual([]);
  });
});

describe("the kernel's IPVS", () => {
  // As ip_vs_info_seq_show() in net/netfilter/ipvs/ip_vs_ctl.c prints it.
  const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A000064:0050 wlc
  -> 0A00000B:0050      Route   1      0          0
UDP  0A000065:0035 rr
TCP  [fd00:0000:0000:0000:0000:0000:0000:0100]:01BB rr
FWM  00000005 rr
`;
  test('is read', () => {
    expect(ipvsServices(table)).toEqual([
      { protocol: 'TCP', address: VIP, port: 80 },
      { protocol: 'UDP', address: '10.0.0.101', port: 53 },
      { protocol: 'TCP', address: VIP6, port: 443 },
    ]);
  });
  test('has our addresses', () => {
    const commands = kernelIpvs.judge({ virtual: [VIP, VIP6], table }).map(({ fix }) => fix!.command);
    expect(commands).toEqual([`/sbin/ipvsadm -D -t ${VIP}:80`, `/sbin/ipvsadm -D -t [${VIP6}]:443`]);
  });
  test('the command is one of ipvsadm', async () => {
    const [finding] = kernelIpvs.judge({ virtual: [VIP6], table });
    const [, ...words] = finding!.fix!.command.split(' ');
    expect(await parseCommand(words, 'ipvsadm', fakeResolver)).toMatchObject({
      edit: { op: 'delete-service', service: { protocol: 'tcp', address: VIP6, port: 443 } },
    });
  });
  test('has others only, or is not there', () => {
    expect(kernelIpvs.judge({ virtual: ['10.0.0.102'], table })).toEqual([]);
    expect(kernelIpvs.judge({ virtual: [VIP], table: '' })).toEqual([]);
  });
});

describe('other directors', () => {
  const facts = {
    host: host({ eth0: ['10.0.0.1/24', `${VIP}/32`], eth1: ['10.0.0.2/24'], eth2: ['192.0.2.1/24'] }),
    interfaceName: 'eth0',
    virtual: [VIP],
    answers: true,
    holders: [{ interfaceName: 'eth0', process: 'pid 7 (director)' }],
    hasPins: true,
    hasGuard: true,
  };
  const holder = (interfaceName: string, process = 'pid 8 (director)') => [{ interfaceName, process }];

  test('ours, which answers', () => expect(otherDirector.judge(facts)).toEqual([]));
  test('on the same network', () => {
    expect(otherDirector.judge({ ...facts, holders: holder('eth1') })).toMatchObject([
      { id: 'other-director', fix: { command: 'kill 8' } },
    ]);
  });
  test('on another network', () =>
    expect(otherDirector.judge({ ...facts, holders: holder('eth2') })).toEqual([]));
  test('one that does not answer here', () => {
    expect(ids(otherDirector.judge({ ...facts, answers: false }))).toEqual(['other-director']);
    expect(
      otherDirector.judge({ ...facts, answers: false, holders: holder('eth0', '?') })[0]!.fix,
    ).toBeNull();
  });
  test.each([
    [true, false, ['left-behind']],
    [false, true, ['left-behind']],
    [false, false, []],
  ])('none runs; pins %s, guard %s', (hasPins, hasGuard, expected) => {
    expect(ids(otherDirector.judge({ ...facts, answers: false, holders: [], hasPins, hasGuard }))).toEqual(
      expected,
    );
  });
  test('sockets of /proc/net/unix', () => {
    const line = (path: string) => `0000: 00000002 00000000 00010000 0001 01 355457 ${path}\n`;
    const sockets = [
      '@director/eth0@@@@@',
      '@director/eth1.10',
      '/run/director/director.sock',
      '@other/eth2',
    ];
    expect(lockedInterfaces(sockets.map(line).join(''))).toEqual(['eth0', 'eth1.10']);
  });
});

describe('offloads', () => {
  const judge = (name: string, on: boolean, fixed: boolean, isXdp: boolean) =>
    offloads.judge({
      interfaceName: 'eth0',
      offloads: new Map([[name, { name, on, fixed }]]),
      unwanted: isXdp ? [...RECEIVE_MERGING, VLAN_REMOVAL] : RECEIVE_MERGING,
    });

  test.each([
    ['generic-receive-offload', true, false, false, 'offload-on', 'ethtool -K eth0 gro off'],
    ['rx-vlan-offload', true, false, true, 'offload-on', 'ethtool -K eth0 rxvlan off'],
    ['large-receive-offload', true, true, false, 'offload-stuck', undefined],
  ] as const)('%s: on %s, fixed %s, xdp %s', (name, on, fixed, isXdp, id, command) => {
    const [finding] = judge(name, on, fixed, isXdp);
    expect([finding!.id, finding!.fix?.command]).toEqual([id, command]);
  });
  test('those that are off, that do no harm, or are of no matter to pcap', () => {
    expect(judge('generic-receive-offload', false, false, true)).toEqual([]);
    expect(judge('tcp-segmentation-offload', true, false, true)).toEqual([]);
    expect(judge('rx-vlan-offload', true, false, false)).toEqual([]);
  });
});

describe('the daemon', () => {
  const judge = (warnings: string[] | undefined, up = true, count = 512) =>
    ids(
      daemon.judge({
        status: warnings === undefined ? undefined : ({ warnings } as unknown as StatusReply),
        interfaceName: 'eth0',
        up,
        count,
      }),
    );
  test('answers', () => expect(judge([])).toEqual([]));
  test('does not', () => expect(judge(undefined)).toEqual(['no-director']));
  test('has more than can be asked', () => expect(judge([], true, 513)).toEqual(['partly-tested']));
  test('has no link', () => expect(judge([], false)).toEqual(['link-down']));
  test('warns, but of what others find', () => {
    expect(
      judge(['fwmark 5 matches no frame', 'x receives no traffic: y', 'the driver keeps lro on: z']),
    ).toEqual(['daemon-warning']);
  });
});

describe('a faster datapath', () => {
  test('lacks what the daemon says, with its command', () => {
    const datapath = {
      name: 'pcap',
      notes: ['not xdp: no clang; run: apt-get install clang', 'generic mode'],
    };
    expect(faster.judge({ datapath, built: undefined }).map(({ fix }) => fix?.command)).toEqual([
      'apt-get install clang',
      undefined,
    ]);
  });
  test('lacks what is not built, where no daemon says', () => {
    const ok = { ok: true };
    const built = {
      node: '20',
      addon: ok,
      cap: ok,
      rawSocket: ok,
      bpfAddon: ok,
      bpfProgram: { ok: false, reason: 'no clang', fix: 'x' },
    };
    expect(faster.judge({ datapath: undefined, built })).toMatchObject([
      { id: 'faster-datapath', fix: { command: 'x' } },
    ]);
    expect(faster.judge({ datapath: undefined, built: { ...built, bpfProgram: ok } })).toEqual([]);
  });
});

test('programs that are missing, and a kernel that refuses', () => {
  const failures = [
    {
      tool: true,
      reason: 'nft is not installed; run: apt-get install nftables',
      fix: 'apt-get install nftables',
    },
    { tool: false, reason: 'nft list tables: Operation not supported', fix: null },
  ];
  expect(ids(kernel.judge({ failures }))).toEqual(['tool-missing', 'kernel-lacks']);
});

test('capabilities', () => {
  expect(capabilities.judge({ role: 'director', missing: [] })).toEqual([]);
  expect(capabilities.judge({ role: 'real-server', missing: ['CAP_NET_RAW'] })).toMatchObject([
    { id: 'capabilities', fix: { command: 'sudo director doctor --real-server' } },
  ]);
});
