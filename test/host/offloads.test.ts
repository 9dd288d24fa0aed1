import { expect, test } from 'vitest';
import { parseOffloads } from '../../src/host/offloads.ts';

test('reads what ethtool -k prints', () => {
  const text = `Features for eth0:
rx-checksumming: on
	tx-checksum-ipv4: off [fixed]
generic-receive-offload: on
large-receive-offload: off [fixed]
rx-gro-hw: off [requested on]
`;
  expect([...parseOffloads(text).values()]).toEqual([
    { name: 'rx-checksumming', on: true, fixed: false },
    { name: 'tx-checksum-ipv4', on: false, fixed: true },
    { name: 'generic-receive-offload', on: true, fixed: false },
    { name: 'large-receive-offload', on: false, fixed: true },
    { name: 'rx-gro-hw', on: false, fixed: false },
  ]);
});
