/** Counters travel as rows of numbers and arrive as they were. */
import { expect, test } from 'vitest';
import type { ServiceCounters } from '../../src/service/model.ts';
import { packServices, unpackServices } from '../../src/worker/packed-counters.ts';

const traffic = (from: number) => ({
  connections: from,
  inPackets: from + 1,
  outPackets: from + 2,
  inBytes: from + 3,
  outBytes: from + 4,
});

test('what is packed is unpacked the same', () => {
  const services: Record<string, ServiceCounters> = {
    'tcp 10.0.0.1:80': {
      traffic: traffic(10),
      rates: traffic(20),
      servers: {
        '10.0.0.2:80': {
          ...{ activeConnections: 1, inactiveConnections: 2, persistentConnections: 3 },
          ...{ traffic: traffic(30), rates: traffic(40) },
        },
      },
    },
    'udp 10.0.0.1:53': { traffic: traffic(0), rates: traffic(0), servers: {} },
  };
  expect(unpackServices(JSON.parse(JSON.stringify(packServices(services))))).toEqual(services);
});
