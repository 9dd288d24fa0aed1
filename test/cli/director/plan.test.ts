/** A plan as people read it. */
import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { renderPlan } from '../../../src/cli/director/plan.ts';
import type { PlannedServiceOptions, PlanReply } from '../../../src/control/protocol.ts';
import { SERVER_OPTIONS, SERVICE_OPTIONS } from '../../helpers/edits.ts';

const NOTHING: PlanReply = {
  token: 'x',
  services: [],
  settings: [],
  timeouts: null,
  marks: null,
  syncDaemons: null,
};
const OPTIONS: PlannedServiceOptions = {
  ...SERVICE_OPTIONS,
  check: 'ping, every 1 s',
  sorry: null,
  slowStartSec: 0,
};
const web = { protocol: 'tcp', address: '10.0.0.100', port: 80 } as const;
const server = (last: number) => ({ address: `10.0.0.${last}`, port: 80 });
const plain = (plan: Partial<PlanReply>) => renderPlan({ ...NOTHING, ...plan }, pc.createColors(false));

test('nothing is nothing', () => expect(plain({})).toBe(''));

describe('a service', () => {
  test('that comes has what is not as by default', () => {
    const after = { ...OPTIONS, persistentSec: 300, netmask: 0xffffff00, schedulerFlags: 24, check: null };
    const servers = [
      { server: server(11), before: null, after: SERVER_OPTIONS },
      { server: server(12), before: null, after: { ...SERVER_OPTIONS, weight: 2, upperThreshold: 9 } },
    ];
    expect(plain({ services: [{ service: web, options: { before: null, after }, servers }] })).toBe(
      `+ service tcp 10.0.0.100:80  scheduler rr, flags fallback, port, persistent 300 s, netmask 24, check off
    + server 10.0.0.11:80  weight 1
    + server 10.0.0.12:80  weight 2, upperThreshold 9`,
    );
  });

  test('that goes has its servers with it', () => {
    const servers = [{ server: server(11), before: SERVER_OPTIONS, after: null }];
    const service = { fwmark: 7, family: 6 } as const;
    expect(plain({ services: [{ service, options: { before: OPTIONS, after: null }, servers }] })).toBe(
      '- service mark 7 IPv6\n    - server 10.0.0.11:80',
    );
  });

  test('that changes has a line for each field', () => {
    const after = { ...OPTIONS, scheduler: 'wlc', sorry: '10.0.0.9', slowStartSec: 30 };
    expect(plain({ services: [{ service: web, options: { before: OPTIONS, after }, servers: [] }] })).toBe(
      `~ service tcp 10.0.0.100:80
    ~ scheduler rr -> wlc
    ~ sorry none -> 10.0.0.9
    ~ slowStart no -> 30 s`,
    );
  });

  test('that stays is named above its servers', () => {
    const after = { ...SERVER_OPTIONS, weight: 3 };
    const servers = [{ server: server(11), before: SERVER_OPTIONS, after }];
    expect(plain({ services: [{ service: web, options: null, servers }] })).toBe(
      '~ service tcp 10.0.0.100:80\n    ~ server 10.0.0.11:80  weight 1 -> 3',
    );
  });

  test.each([
    [0xffffffff, 0x80000000, '32 -> 1'],
    [0xfffffffe, 0xffff0000, '31 -> 16'],
    [128, 64, '128 -> 64'],
  ])('has a netmask in bits: %d', (before, after, text) => {
    const options = { before: { ...OPTIONS, netmask: before }, after: { ...OPTIONS, netmask: after } };
    expect(plain({ services: [{ service: web, options, servers: [] }] })).toBe(
      `~ service tcp 10.0.0.100:80  netmask ${text}`,
    );
  });
});

test('settings, timeouts and rules of marks', () => {
  const [a, b, c] = [
    { mark: 7, destination: '10.0.0.1' },
    { mark: 8, destination: '10.0.0.0/8', protocol: 'udp', ports: [53, 53] },
    { mark: 9, destination: '10.0.0.1', ports: [80, 90], sources: ['192.0.2.0/24'] },
  ] as const;
  expect(
    plain({
      settings: [{ name: 'sloppy_tcp', before: 0, after: 1 }],
      timeouts: {
        before: { tcpSec: 900, tcpFinSec: 120, udpSec: 300 },
        after: { tcpSec: 900, tcpFinSec: 120, udpSec: 30 },
      },
      marks: { before: [a, b], after: [c, b] },
    }),
  ).toBe(`~ setting sloppy_tcp 0 -> 1
~ timeout udp 300 s -> 30 s
- mark rule 7: any protocol 10.0.0.1
+ mark rule 9: any protocol 10.0.0.1 ports 80-90 from 192.0.2.0/24`);
  expect(
    plain({ marks: { before: [a, b], after: [b, a] } }),
  ).toBe(`~ mark rule 8: udp 10.0.0.0/8 ports 53, now number 1
~ mark rule 7: any protocol 10.0.0.1, now number 2`);
});

test('what comes is green, what goes red, what changes yellow, where there are colours', () => {
  const colors = pc.createColors(true);
  const servers = [{ server: server(11), before: SERVER_OPTIONS, after: null }];
  const text = renderPlan({ ...NOTHING, services: [{ service: web, options: null, servers }] }, colors);
  expect(text).toBe(
    [colors.yellow('~ service tcp 10.0.0.100:80'), colors.red('    - server 10.0.0.11:80')].join('\n'),
  );
});
