/** The nft script that leads checks through virtual addresses. That the kernel takes it: test/netns/health.test.ts. */
import { expect, test } from 'vitest';
import { checkScript } from '../../src/host/check-rules.ts';

const ROUTE = { mark: 0x44490001, virtual: '10.0.0.100', server: '10.0.0.11', mac: '02:00:00:00:00:11' };

test('a mark leads to the virtual address, and answers from that MAC come back as the server’s', () => {
  const script = checkScript('eth0', [ROUTE]);
  expect(script).toContain('elements = { 1145634817 : 10.0.0.100 }');
  expect(script).toContain('elements = { 02:00:00:00:00:11 . 10.0.0.100 : 10.0.0.11 }');
  expect(script).toContain('hook egress device "eth0"');
});

test('each family has its own maps', () => {
  const script = checkScript('eth0', [
    ROUTE,
    { ...ROUTE, mark: 0x44490002, virtual: 'fd00::100', server: 'fd00::11' },
  ]);
  expect(script).toContain('elements = { 1145634818 : fd00::100 }');
  expect(script).toContain('elements = { 02:00:00:00:00:11 . fd00::100 : fd00::11 }');
});

test('a MAC with two addresses has one answer, so that the map can be loaded', () => {
  const script = checkScript('eth0', [ROUTE, { ...ROUTE, mark: 0x44490002, server: '10.0.0.12' }]);
  expect(script.match(/02:00:00:00:00:11/g)).toHaveLength(1);
});

test('the table replaces the one that may be there, and has a name that nft takes', () => {
  expect(checkScript('br-lan.10', []).split('\n').slice(0, 2)).toEqual([
    'add table netdev director_check_br_lan_10',
    'delete table netdev director_check_br_lan_10',
  ]);
});
