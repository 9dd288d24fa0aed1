/** The processes of a datapath as one: who is asked, and what comes of several answers. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionListing } from '../../src/control/protocol.ts';
import { Workers } from '../../src/daemon/workers.ts';
import { DirectorError } from '../../src/errors.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Answers, PackedReport, Request } from '../../src/worker/messages.ts';

import { packServices, unpackServices } from '../../src/worker/packed-counters.ts';

const EDITS = [{ op: 'set', name: 'sloppy_tcp', value: 1 }] as const;
const PLACES = 2 ** 24;

const reportOf = (connections: number, live = connections): PackedReport => {
  const traffic = {
    connections,
    inPackets: 3 * connections,
    outPackets: 0,
    inBytes: 120 * connections,
    outBytes: 0,
  };
  const load = { activeConnections: live, inactiveConnections: 1, persistentConnections: 0 };
  return {
    services: packServices({
      'tcp 10.0.0.100:80': {
        traffic,
        rates: traffic,
        servers: { '10.0.0.11:80': { ...load, traffic, rates: traffic } },
      },
    }),
    verdicts: { Forward: connections },
    connections: { live, capacity: 500 },
    madeRoom: connections > 10 ? { udp: 1 } : {},
    capturing: true,
  };
};

class FakeProcess {
  readonly asked: Request[] = [];
  readonly published: unknown[] = [];
  isRunning = true;
  restartCount = 0;
  readonly pid: number;
  readonly answers: Partial<Answers>;

  constructor(pid: number, answers: Partial<Answers> = {}) {
    this.pid = pid;
    this.answers = answers;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever is asked
  async request(request: any): Promise<any> {
    this.asked.push(request);
    if (!this.isRunning) throw new DirectorError('DATAPATH_FAILED', `${this.pid} is not there`);
    return this.answers[request.kind as keyof Answers] ?? null;
  }
  async publish(before: unknown, edits: unknown) {
    if (this.isRunning) this.published.push([before, edits]);
  }
  async load() {}
  async start() {}
  async catchUp() {}
  release() {}
  async stop(remove: boolean) {
    return remove;
  }
}

const connection = (port: number) => ({ client: { address: '10.0.0.9', port } }) as ConnectionListing;

describe('several workers', () => {
  let one: FakeProcess;
  let two: FakeProcess;
  let workers: Workers;
  beforeEach(() => {
    one = new FakeProcess(1, {
      'read-counters': reportOf(10),
      'end-connections': { ended: 3 },
      capture: { refusal: null },
      'list-connections': { connections: [connection(1)], nextCursor: 7 },
    });
    two = new FakeProcess(2, {
      'read-counters': reportOf(32, 2),
      'end-connections': { ended: 4 },
      capture: { refusal: { code: 'CAPTURE_UNAVAILABLE', message: 'no' } },
      'list-connections': { connections: [connection(2)], nextCursor: null },
    });
    workers = new Workers([one, two], (frame) => frame[0]!);
  });

  test('count together', async () => {
    const { services, ...others } = await workers.request({ kind: 'read-counters', services: true });
    expect(others).toEqual({
      verdicts: { Forward: 42 },
      connections: { live: 12, capacity: 1000 },
      madeRoom: { udp: 1 },
      capturing: true,
    });
    const traffic = { connections: 42, inPackets: 126, outPackets: 0, inBytes: 5040, outBytes: 0 };
    expect(unpackServices(services)['tcp 10.0.0.100:80']).toEqual({
      traffic,
      rates: traffic,
      servers: {
        '10.0.0.11:80': {
          activeConnections: 12,
          inactiveConnections: 2,
          persistentConnections: 0,
          traffic,
          rates: traffic,
        },
      },
    });
  });

  test('what one counted stands while it is not there', async () => {
    const before = await workers.request({ kind: 'read-counters', services: true });
    two.isRunning = false;
    expect(await workers.request({ kind: 'read-counters', services: true })).toEqual(before);
    expect((await workers.request({ kind: 'read-counters', services: false })).verdicts).toEqual({
      Forward: 42,
    });
    one.isRunning = false;
    expect(workers.isRunning).toBe(false);
  });

  test('one that was never heard is not counted; one alone says why it does not answer', async () => {
    two.isRunning = false;
    expect((await workers.request({ kind: 'read-counters', services: true })).verdicts).toEqual({
      Forward: 10,
    });
    const alone = new Workers([two], () => 0);
    await expect(alone.request({ kind: 'read-counters', services: true })).rejects.toThrow('2 is not there');
  });

  test('list one after the other', async () => {
    const list = (cursor: number) =>
      workers.request({ kind: 'list-connections', cursor, limit: 10, filter: {} });
    expect(await list(0)).toEqual({ connections: [connection(1)], nextCursor: 7 });
    one.answers['list-connections'] = { connections: [], nextCursor: null };
    expect(await list(7)).toEqual({ connections: [], nextCursor: PLACES });
    two.answers['list-connections'] = { connections: [connection(2)], nextCursor: 5 };
    expect(await list(PLACES)).toEqual({ connections: [connection(2)], nextCursor: PLACES + 5 });
    two.answers['list-connections'] = { connections: [], nextCursor: null };
    expect(await list(PLACES + 5)).toEqual({ connections: [], nextCursor: null });
    expect(one.asked).toMatchObject([{ cursor: 0 }, { cursor: 7 }]);
    expect(two.asked).toMatchObject([{ cursor: 0 }, { cursor: 5 }]);
    expect(await list(9 * PLACES)).toEqual({ connections: [], nextCursor: null });
  });

  test('end connections in all or in none', async () => {
    const filter = { client: { address: '10.0.0.9' } };
    expect(await workers.request({ kind: 'end-connections', filter })).toEqual({ ended: 7 });
    two.isRunning = false;
    await expect(workers.request({ kind: 'end-connections', filter })).rejects.toThrow(
      'is restarting; try again',
    );
    expect(one.asked).toHaveLength(1);
  });

  test('a capture that one refuses is refused', async () => {
    expect(await workers.request({ kind: 'capture', wishes: [] })).toMatchObject({
      refusal: { message: 'no' },
    });
  });

  test('a frame is explained by whose it is', async () => {
    await workers.request({ kind: 'excerpt', frame: '01ff' });
    expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
  });

  test('edits and what else is to be go to all that are there', async () => {
    await workers.publish(EMPTY_CONFIGURATION, EDITS);
    two.isRunning = false;
    await workers.publish(EMPTY_CONFIGURATION, EDITS);
    await workers.request({ kind: 'next-hops', nextHops: [] });
    expect([one.published.length, two.published.length]).toEqual([2, 1]);
    expect([one.asked.length, two.asked.length]).toEqual([1, 0]);
    expect(workers.states).toEqual([
      { pid: 1, isRunning: true, restarts: 0 },
      { pid: 2, isRunning: false, restarts: 0 },
    ]);
    expect([workers.isRunning, workers.areAllRunning]).toEqual([true, false]);
  });
});
