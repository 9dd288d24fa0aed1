/** Servers that failed, and servers that show no life: where their connections go. */
import { describe, expect, test } from 'vitest';
import { addServer, addService, editServer } from '../helpers/edits.ts';
import { ACK, eth, FIN, type FrameBuilder, PSH, RST, SYN } from '../helpers/frame-builder.ts';
import { frameProblem } from '../helpers/frame-checker.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { MAC_OF, TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const WEB6 = `tcp [${VIP6}]:80`;
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';
const SECOND = 100;
/** Room for all, also with ovf. */
const ROOM = { weight: 1000 };
const FAILED = { ...ROOM, failed: true } as const;

const tcp = (port: number, flags: number, client = CLIENT): FrameBuilder =>
  eth().ipv4(client, VIP, {}).tcp(port, 80, flags);

/** The server that a frame was sent to. */
function serverOf(director: TestDirector, frame: FrameBuilder): string | undefined {
  const { sent } = director.handle(frame.bytes());
  if (sent.length !== 1) return undefined;
  const mac = Buffer.from(sent[0]!.subarray(0, 6)).toString('hex');
  return Object.keys(MAC_OF).find((address) => MAC_OF[address]!.replaceAll(':', '') === mac);
}

const directorOf = (settings = {}, scheduler = 'rr', persistentSec = 0): TestDirector =>
  new TestDirector(
    [addService(WEB, { scheduler, persistentSec }), addServer(WEB, A, ROOM), addServer(WEB, B, ROOM)],
    {
      settings,
    },
  );

describe('a server that failed its checks', () => {
  test.each(['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'sh', 'dh', 'mh', 'lblc', 'lblcr', 'fo', 'ovf'])(
    'gets no new connection from %s, and does again afterwards',
    (scheduler) => {
      const director = directorOf({}, scheduler);
      const reached = (from: number) =>
        new Set(
          Array.from({ length: 60 }, (_, index) =>
            serverOf(director, tcp(from + index, SYN, `198.51.100.${1 + (index % 40)}`)),
          ),
        );
      director.edit(editServer(WEB, A, FAILED));
      expect(reached(1000)).toEqual(new Set(['10.0.0.12']));
      director.edit(editServer(WEB, A, ROOM), editServer(WEB, B, FAILED));
      expect(reached(2000)).toEqual(new Set(['10.0.0.11']));
    },
  );

  test('no template leads to it', () => {
    const director = directorOf({}, 'rr', 300);
    const first = serverOf(director, tcp(1000, SYN));
    director.edit(editServer(WEB, `${first}:80`, FAILED));
    expect(serverOf(director, tcp(1001, SYN))).not.toBe(first);
  });

  test.each([0, 1, 2])('failed_connections %d: what becomes of its connections', (failed_connections) => {
    const director = directorOf({ failed_connections });
    const first = serverOf(director, tcp(1000, SYN))!;
    serverOf(director, tcp(1000, ACK));
    director.edit(editServer(WEB, `${first}:80`, FAILED));
    if (failed_connections === 2) {
      const { verdict, sent } = director.handle(tcp(1000, ACK | PSH).bytes());
      expect(verdict).toBe('ReplyReset');
      expect(frameProblem(sent[0]!)).toBeUndefined();
      expect(director.handle(tcp(1000, ACK).bytes()).verdict).toBe('DeliverUnscheduled');
      return;
    }
    expect(serverOf(director, tcp(1000, ACK))).toBe(first);
    const afterSyn = serverOf(director, tcp(1000, SYN));
    if (failed_connections === 0) expect(afterSyn).toBe(first);
    else expect(afterSyn).not.toBe(first);
  });

  test('all have failed: the client is told, by ICMP port unreachable', () => {
    const director = directorOf();
    director.edit(editServer(WEB, A, FAILED), editServer(WEB, B, FAILED));
    expect(director.handle(tcp(1000, SYN).bytes()).verdict).toBe('ReplyPortUnreachable');
  });

  test.each([
    ['ACK and data', ACK | PSH],
    ['FIN', FIN | ACK],
  ])('a reset that answers %s is a whole frame of IPv6, too', (_name, flags) => {
    const director = new TestDirector(
      [addService(WEB6, { scheduler: 'rr' }), addServer(WEB6, '[fd00:10::b]:80')],
      { settings: { failed_connections: 2 } },
    );
    const frame = (with_: number) => eth().ipv6(CLIENT6, VIP6, {}).tcp(1000, 80, with_).bytes();
    director.handle(frame(SYN));
    director.edit(editServer(WEB6, '[fd00:10::b]:80', FAILED));
    const { verdict, sent } = director.handle(frame(flags));
    expect(verdict).toBe('ReplyReset');
    expect(frameProblem(sent[0]!)).toBeUndefined();
  });

  test('RST is not answered with RST', () => {
    const director = directorOf({ failed_connections: 2 });
    const first = serverOf(director, tcp(1000, SYN))!;
    director.edit(editServer(WEB, `${first}:80`, FAILED));
    expect(director.handle(tcp(1000, RST).bytes()).verdict).toBe('Forward');
  });
});

describe('second chance', () => {
  /** A SYN is on its way to one server; at the other one a connection is made after that. */
  function waiting(settings = {}): { director: TestDirector; first: string; other: string } {
    const director = directorOf(settings);
    const first = serverOf(director, tcp(1000, SYN))!;
    const other = serverOf(director, tcp(2000, SYN))!;
    director.path.now += 10;
    serverOf(director, tcp(2000, ACK));
    return { director, first, other };
  }

  test('a SYN sent again goes to the server that shows life, and so does what follows', () => {
    const { director, first, other } = waiting();
    director.path.now += SECOND;
    expect(first).not.toBe(other);
    expect(serverOf(director, tcp(1000, SYN))).toBe(other);
    expect(serverOf(director, tcp(1000, ACK))).toBe(other);
  });

  test('what comes sooner than a second is a duplicate', () => {
    const { director, first } = waiting();
    director.path.now += SECOND / 2;
    expect(serverOf(director, tcp(1000, SYN))).toBe(first);
  });

  test('not while its own server shows life', () => {
    const { director, first } = waiting();
    serverOf(director, tcp(3000, SYN));
    serverOf(director, tcp(3000, ACK));
    director.path.now += SECOND;
    expect(serverOf(director, tcp(1000, SYN))).toBe(first);
  });

  test('not where no other server has shown life since', () => {
    const director = directorOf();
    const first = serverOf(director, tcp(1000, SYN));
    director.path.now += SECOND;
    expect(serverOf(director, tcp(1000, SYN))).toBe(first);
  });

  test('not where it is switched off', () => {
    const { director, first } = waiting({ second_chance: 0 });
    director.path.now += SECOND;
    expect(serverOf(director, tcp(1000, SYN))).toBe(first);
  });

  test('not for a connection that was established', () => {
    const { director, first } = waiting();
    serverOf(director, tcp(1000, ACK));
    director.path.now += SECOND;
    expect(serverOf(director, tcp(1000, SYN))).toBe(first);
  });

  test('the connection counts at its new server alone', () => {
    const { director, first, other } = waiting();
    director.path.now += SECOND;
    director.handle(tcp(1000, SYN).bytes());
    const { servers } = director.session.readCounters().services[WEB]!;
    expect(servers[`${first}:80`]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    expect(servers[`${other}:80`]).toMatchObject({ activeConnections: 2 });
  });
});

test('a weight in force holds instead of the configured one', () => {
  const director = directorOf();
  director.edit(editServer(WEB, A, { weightInForce: 0 }));
  const reached = new Set(
    Array.from({ length: 6 }, (_, index) => serverOf(director, tcp(1000 + index, SYN))),
  );
  expect(reached).toEqual(new Set(['10.0.0.12']));
});
