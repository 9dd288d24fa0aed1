/** What schedulers cost: no garbage for each packet, and an edit of a large pool that does not hold up the path. */
import { expect, test } from 'vitest';
import { schedulers } from '../../src/schedule/registry.ts';
import { RealServer } from '../../src/service/real-server.ts';
import { Traffic } from '../../src/service/traffic.ts';
import { Pool, packetOf } from './pool.ts';

const PICKS = 200_000;
/** A number in a box of its own would take 12 to 16 bytes for each pick. */
const NOISE_BYTES = 500_000;

/** Until the compiler has done its work, which takes longer on a busy machine, numbers come in boxes. */
const MAX_ROUNDS = 40;

/** Heap that so many picks take; the least of some rounds, because the test's own machinery allocates too. */
function bytesOfPicks(pool: Pool): number {
  const packets = Array.from({ length: 64 }, (_, n) => packetOf(`10.10.${n}.9`, 40000 + n));
  const { service } = pool;
  const scheduler = service.scheduler!;
  const round = () => {
    const before = process.memoryUsage().heapUsed;
    for (let pick = 0; pick < PICKS; pick++) {
      const packet = packets[pick % 64]!;
      packet.clientPort = pick & 0xffff;
      scheduler.choose(service, packet, pick);
    }
    return Math.abs(process.memoryUsage().heapUsed - before);
  };
  let least = Number.POSITIVE_INFINITY;
  for (let rounds = 0; rounds < MAX_ROUNDS && least >= NOISE_BYTES; rounds++)
    least = Math.min(least, round());
  return least;
}

for (const name of Object.keys(schedulers)) {
  for (const flags of name === 'sh' || name === 'mh' ? [0, 0x18] : [0]) {
    test(`${name} with flags ${flags} makes no garbage`, { timeout: 30_000 }, () => {
      const pool = Pool.of(name, [1, 2, 3, 4], flags);
      pool.edit(2, 0);
      for (const number of [1, 2, 3]) pool.server(number).activeConnections = 0x7fff_0000;
      expect(bytesOfPicks(pool)).toBeLessThan(NOISE_BYTES);
    });
  }
}

test('mh fills its table for 1,000 servers in a moment', () => {
  const scheduler = schedulers.mh!(0);
  const template = Pool.of('mh', [1]).server(1);
  const servers = Array.from({ length: 1000 }, (_, n) => {
    const address = { address: `10.40.${n >> 8}.${n & 255}`, port: 80 };
    return new RealServer(
      n,
      template.service,
      address,
      { ...template.options, weight: 1 + (n % 7) },
      new Traffic(),
    );
  });
  const took = Array.from({ length: 5 }, () => {
    const start = performance.now();
    scheduler.serversChanged!(servers, { kind: 'updated', server: servers[0]! });
    return performance.now() - start;
  });
  expect(Math.min(...took)).toBeLessThan(50);
});
