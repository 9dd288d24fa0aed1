/** What this host cannot have is refused, and leaves no trace in a draft. */
import { expect, test } from 'vitest';
import { createApply } from '../../src/daemon/host-edits.ts';
import { type Configuration, draftOf, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService } from '../helpers/edits.ts';

const WEB = 'tcp 10.0.0.100:80';
const routes = {
  link: (name: string) => (name === 'eth0' ? { index: 2 } : undefined),
  links: () => [{ index: 2 }],
  addresses: () => [
    { address: '10.0.0.1', prefixLength: 24 },
    { address: '10.0.0.100', prefixLength: 32 },
    { address: 'fd00::1', prefixLength: 64 },
  ],
} as unknown as Parameters<typeof createApply>[0]['routes'];

function carriedOut(...edits: Edit[]): { configuration: Configuration; refusals: string[] } {
  const apply = createApply({ routes, capacity: { services: 1, servers: 1 } }, EMPTY_CONFIGURATION);
  let configuration = draftOf(EMPTY_CONFIGURATION);
  const refusals: string[] = [];
  for (const edit of edits) {
    try {
      configuration = apply(configuration, edit);
    } catch (error) {
      refusals.push((error as Error).message);
    }
  }
  return { configuration, refusals };
}

test('the broadcast address of a network of its own is no server', () => {
  const { configuration, refusals } = carriedOut(addService(WEB), addServer(WEB, '10.0.0.255:80'));
  expect(refusals).toEqual(["10.0.0.255 is a broadcast address of this host's network"]);
  expect(configuration.services.get(WEB)!.servers).toEqual([]);
});

test('what else is wrong with it is told first, as the kernel does', () => {
  expect(carriedOut(addServer(WEB, '10.0.0.255:80')).refusals).toEqual([
    'there is no virtual service tcp 10.0.0.100:80',
  ]);
});

test('a sync daemon needs an interface that is there', () => {
  const start = (name: string): Edit => ({
    op: 'start-sync-daemon',
    daemon: { role: 'master', interface: name, syncId: 1, maxLengthBytes: 0, group: '', port: 0, ttl: 0 },
  });
  const { configuration, refusals } = carriedOut(start('eth9'), start('eth0'));
  expect(refusals).toEqual(['there is no interface eth9']);
  expect(configuration.syncDaemons).toHaveLength(1);
});

test('the tables of the datapath have an end', () => {
  const { configuration, refusals } = carriedOut(
    addService(WEB),
    addServer(WEB, '10.0.0.11:80'),
    addServer(WEB, '10.0.0.12:80'),
  );
  expect(refusals).toEqual([expect.stringMatching(/at most 1 real servers.*--max-servers$/)]);
  expect(configuration.services.get(WEB)!.servers).toHaveLength(1);
});
