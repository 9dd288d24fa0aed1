/** nft takes what the guard writes, in a namespace of its own; and frames meet the rules that they should. */
import { expect, test } from 'vitest';
import { guardedMarks, guardedPorts } from '../../src/daemon/guarded-ports.ts';
import { guardScript, guardTableName } from '../../src/host/guard.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit, MarkRule } from '../../src/service/model.ts';
import { addService } from '../helpers/edits.ts';
import { describeWithRoot, namespaces } from '../helpers/netns.ts';

const VIP = '10.0.0.100';

function scriptOf(services: readonly Edit[], rules: readonly MarkRule[] = [], interfaceName = 'lo'): string {
  const edits: Edit[] = [...services, { op: 'set-marks', rules }];
  const configuration = edits.reduce(applyEdit, EMPTY_CONFIGURATION);
  return guardScript(interfaceName, guardedPorts(configuration), guardedMarks(configuration));
}

const RULES: readonly MarkRule[] = [
  { mark: 7, destination: VIP },
  { mark: 7, destination: '10.0.0.99/28', protocol: 'tcp', ports: [0, 65535] },
  { mark: 7, destination: '0.0.0.0/0', ports: [80, 80], sources: ['0.0.0.0/0'] },
  {
    mark: 8,
    destination: VIP,
    sources: ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.1', '10.1.1.1', '10.1.1.2/24'],
  },
  { mark: 7, destination: '::/0', protocol: 'sctp' },
  { mark: 9, destination: 'fd00::1', protocol: 'udp', ports: [53, 54], sources: ['2001:db8::/32', '::/0'] },
];

describeWithRoot('the guard’s rule set', ['nft'], () => {
  const host = namespaces();

  test.each<[string, string]>([
    ['nothing', scriptOf([])],
    ['one service', scriptOf([addService(`tcp ${VIP}:80`)])],
    [
      'services of all kinds',
      scriptOf([
        addService(`tcp ${VIP}:0`, { persistentSec: 5 }),
        addService(`tcp ${VIP}:80`),
        addService(`tcp ${VIP}:21`, { persistentSec: 5 }),
        addService('tcp 10.0.0.101:21', { persistentSec: 5 }),
        addService(`sctp ${VIP}:65535`),
        addService('udp [fd00::1]:0', { persistentSec: 5 }),
        addService('tcp [fd00::1]:80'),
      ]),
    ],
    ['marks of all kinds', scriptOf([addService('fwmark 7'), addService(`tcp ${VIP}:80`)], RULES)],
  ])('is taken by nft: %s', async (_name, script) => {
    const namespace = await host.create();
    for (const args of [
      ['-c', '-f', '-'],
      ['-f', '-'],
      ['-f', '-'],
    ]) {
      const { code, stderr } = await namespace.run('nft', args, { input: script });
      expect([code, stderr]).toEqual([0, '']);
    }
    expect(await namespace.must('nft', ['list', 'tables'])).toBe(`table netdev ${guardTableName('lo')}\n`);
  });

  test('is taken by nft with 2,000 services and 1,000 rules', async () => {
    const services = Array.from({ length: 2000 }, (_, index) =>
      addService(`tcp 10.1.${index >> 8}.${index & 255}:${1 + (index % 7)}`),
    );
    const rules = Array.from({ length: 1000 }, (_, index): MarkRule => {
      return {
        mark: 1 + index,
        destination: `10.2.${index >> 8}.${index & 255}`,
        ports: [index, index + 10],
      };
    });
    const namespace = await host.create();
    const { code, stderr } = await namespace.run('nft', ['-f', '-'], { input: scriptOf(services, rules) });
    expect([code, stderr]).toEqual([0, '']);
  });

  test('names interfaces of any name', async () => {
    const namespace = await host.create();
    const name = 'a.b-c_d';
    await namespace.must('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'other']);
    const script = scriptOf([addService(`tcp ${VIP}:80`)], [], name);
    const { code, stderr } = await namespace.run('nft', ['-f', '-'], { input: script });
    expect([code, stderr]).toEqual([0, '']);
  });
});
