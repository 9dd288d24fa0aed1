/** Whatever comes in: what goes out is well-formed and goes where it may, and every frame is counted once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, deleteServer, editServer } from '../helpers/edits.ts';
import { eth, GATEWAY_MAC, payloadOf, SYN, toHex } from '../helpers/frame-builder.ts';
import { frameProblem } from '../helpers/frame-checker.ts';
import { HOSTILE_EDITS, HOSTILE_SETTINGS, problemOf, WEB } from '../helpers/hostile.ts';
import { mutatedFrame } from '../helpers/mutated-frame.ts';
import { sampleFrames, VIP } from '../helpers/sample-frames.ts';
import { type Handled, TestDirector } from '../helpers/test-director.ts';

/** What the counters and the table say of each server must be the same. */
function countProblem(director: TestDirector): string | undefined {
  const { connections, registry } = director.path;
  const counted = new Map<number, { active: number; inactive: number; persistent: number }>();
  for (let entry = 1; entry <= connections.highestEntry; entry++) {
    if (!connections.isLive(entry)) continue;
    const server = connections.serverOf(entry);
    const count = counted.get(server) ?? { active: 0, inactive: 0, persistent: 0 };
    counted.set(server, count);
    if (connections.isTemplate(entry)) count.persistent++;
    else if (connections.hasFlag(entry, 0x100)) count.inactive++;
    else count.active++;
  }
  for (const server of registry) {
    const { active, inactive, persistent } = counted.get(server.id) ?? {
      active: 0,
      inactive: 0,
      persistent: 0,
    };
    const says = [server.activeConnections, server.inactiveConnections, server.persistentConnections];
    const is = [active, inactive, persistent];
    if (says.join() !== is.join()) return `${server.address.address} says ${says}, the table has ${is}`;
  }
  return undefined;
}

describe('a flood of broken frames', () => {
  test('is answered with nothing malformed, and counted frame by frame', () => {
    fc.assert(
      fc.property(
        fc.array(mutatedFrame(sampleFrames), { minLength: 20, maxLength: 200 }),
        fc.nat(3),
        (frames, pause) => {
          const director = new TestDirector(HOSTILE_EDITS, {
            connectionTableSize: 8,
            settings: HOSTILE_SETTINGS,
          });
          for (const frame of frames) {
            const handled = director.handle(frame);
            const problem =
              problemOf({ ...handled, sent: handled.sent.slice(0, 1) }, frame) ?? laterProblem(handled);
            if (problem !== undefined) throw new Error(`${problem}\nframe in: ${toHex(frame)}`);
            director.wait(pause);
          }
          if (director.framesByVerdict < frames.length) throw new Error('a frame was not counted');
          if (director.framesByVerdict > frames.length + director.path.verdicts[Verdict.PassWaiting]!)
            throw new Error('a frame was counted twice');
          const problem = countProblem(director);
          if (problem !== undefined) throw new Error(problem);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('reaches every part of the path', () => {
    const director = new TestDirector(HOSTILE_EDITS, { connectionTableSize: 8, settings: HOSTILE_SETTINGS });
    const frames = fc.sample(mutatedFrame(sampleFrames), { numRuns: 20_000, seed: 1 });
    const reached = new Set(frames.map((frame) => director.handle(frame).verdict));
    const parts =
      'Forward ForwardIcmpError ForwardFragment DeliverLocalServer DeliverUnscheduled PassWaiting ReplyPortUnreachable ReplyTimeExceeded DropMartianSource DropTransportTruncated DropConnectionTableFull DropIpChecksum DropIpTotalLength DropIpOptions';
    expect(parts.split(' ').filter((part) => !reached.has(part as Handled['verdict']))).toEqual([]);
  });

  /** Fragments that waited leave after their first one. */
  const laterProblem = ({ sent }: Handled): string | undefined =>
    sent
      .slice(1)
      .map((frame) => frameProblem(frame))
      .find((problem) => problem !== undefined);
});

describe('counts of connections', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('frame' as const),
      port: fc.nat(5),
      flags: fc.constantFrom(SYN, 16, 17, 4, 18),
    }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(1, 10, 61, 121, 901) }),
    fc.record({
      kind: fc.constant('edit' as const),
      edit: fc.constantFrom('delete', 'add', 'quiesce', 'wake'),
    }),
    fc.record({ kind: fc.constant('sweep' as const) }),
  );
  const EDIT: Readonly<Record<string, Edit>> = {
    delete: deleteServer(WEB, '10.0.0.12:80'),
    add: addServer(WEB, '10.0.0.12:80'),
    quiesce: editServer(WEB, '10.0.0.12:80', { weight: 0 }),
    wake: editServer(WEB, '10.0.0.12:80', { weight: 2 }),
  };

  test.each([0, 60])(
    'are those of the table after any frames, edits and pauses (persistence %d s)',
    (persistentSec) => {
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 80 }),
          fc.record({
            expire_nodest_conn: fc.nat(1),
            conn_reuse_mode: fc.nat(3),
            expire_quiescent_template: fc.nat(1),
          }),
          (steps, settings) => {
            const edits = [
              addService(WEB, { persistentSec }),
              addServer(WEB, '10.0.0.11:80', { upperThreshold: 3 }),
              addServer(WEB, '10.0.0.12:80'),
            ];
            const director = new TestDirector(edits, { connectionTableSize: 6, settings });
            for (const each of steps) {
              runStep(director, each);
              const problem = countProblem(director);
              if (problem !== undefined) throw new Error(problem);
            }
            director.wait(1000);
            for (let round = 0; round < 3; round++) {
              director.sweepAll();
              director.wait(61);
            }
            if (director.path.connections.live !== 0) throw new Error('something lives for ever');
            for (const server of director.path.registry)
              if (server.isReferenced) throw new Error('a server is still counted');
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

  function runStep(director: TestDirector, each: Step): void {
    if (each.kind === 'wait') director.wait(each.seconds);
    else if (each.kind === 'sweep') director.sweepAll();
    else if (each.kind === 'frame') {
      const client = `192.0.${each.port & 1}.9`;
      director.handle(
        eth()
          .ipv4(client, VIP)
          .tcp(1000 + each.port, 80, each.flags),
      );
    } else tryEdit(director, EDIT[each.edit]!);
  }

  /** Some come at a time when they cannot be. */
  function tryEdit(director: TestDirector, edit: Edit): void {
    try {
      director.edit(edit);
    } catch {}
  }
});

describe('an ICMP answer', () => {
  test('goes to the frame’s sender, also when it claims to be behind another router', () => {
    const director = new TestDirector([addService(WEB)]);
    const frame = eth({ from: GATEWAY_MAC })
      .ipv4('192.0.2.77', VIP)
      .tcp(1, 80, SYN, { payload: payloadOf(3) })
      .bytes();
    expect(problemOf(director.handle(frame), frame)).toBeUndefined();
  });
});
