import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { PingSocket } from '../../src/health/ping-socket.ts';

/** As raw-socket behaves, without the kernel: an answer comes when the test says so. */
class FakeSocket extends EventEmitter {
  readonly sent: { address: string; message: Buffer; mark: number }[] = [];
  isClosed = false;
  private mark = 0;
  /** How often a mark was set. */
  markings = 0;

  setOption(level: number, _option: number, value: Buffer): void {
    if (level !== 1) return;
    this.mark = value.readUInt32LE();
    this.markings++;
  }

  send(
    message: Buffer,
    _offset: number,
    lengthBytes: number,
    address: string,
    before: () => void,
    after: (error: Error | null, sentBytes: number) => void,
  ): this {
    try {
      before();
      if (address === '192.0.2.99') throw new Error('Network is unreachable');
      this.sent.push({ address, message, mark: this.mark });
      after(null, lengthBytes);
    } catch (error) {
      after(error as Error, 0);
    }
    return this;
  }

  close(): void {
    this.isClosed = true;
  }

  /** The reply to what was sent, changed by `change`. */
  reply(index: number, source: string, change = (_message: Buffer) => {}): void {
    const message = Buffer.from(this.sent[index]!.message);
    message[0] = 0;
    change(message);
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    this.emit('message', Buffer.concat([header, message]), source);
  }
}

function pinger() {
  const made: FakeSocket[] = [];
  const createSocket = () => {
    made.push(new FakeSocket());
    return made.at(-1)!;
  };
  const AddressFamily = { IPv4: 1, IPv6: 2 };
  const Protocol = { ICMP: 1, ICMPv6: 58 };
  const pings = new PingSocket(4, () => ({ createSocket, AddressFamily, Protocol }) as never);
  const heard: unknown[] = [];
  const ping = (address: string, mark = 0) =>
    pings.ping(address, mark, (failure) => heard.push([address, failure]));
  return { made, ping, heard };
}

describe('pings over one socket', () => {
  test('are told apart, whatever the order of the answers', () => {
    const { made, ping, heard } = pinger();
    const forget = [ping('192.0.2.1'), ping('192.0.2.2'), ping('192.0.2.1')];
    expect(made.length).toBe(1);
    made[0]!.reply(2, '192.0.2.1');
    made[0]!.reply(1, '192.0.2.2');
    expect(heard).toEqual([
      ['192.0.2.1', null],
      ['192.0.2.2', null],
    ]);
    for (const each of forget) each();
    expect(made[0]!.isClosed).toBe(true);
  });

  test.each<[string, string, (message: Buffer) => void]>([
    ['from somebody else', '192.0.2.2', () => {}],
    [
      'with another identifier',
      '192.0.2.1',
      (message) => message.writeUInt16BE(message.readUInt16BE(4) ^ 1, 4),
    ],
    [
      'with another sequence',
      '192.0.2.1',
      (message) => message.writeUInt16BE(message.readUInt16BE(6) ^ 1, 6),
    ],
    ['that is none', '192.0.2.1', (message) => message.writeUInt8(8, 0)],
  ])('do not take an answer %s', (_name, source, change) => {
    const { made, ping, heard } = pinger();
    ping('192.0.2.1');
    made[0]!.reply(0, source, change);
    expect(heard).toEqual([]);
  });

  test('that were forgotten have no answer, and the socket goes with the last', () => {
    const { made, ping, heard } = pinger();
    const [first, second] = [ping('192.0.2.1'), ping('192.0.2.2')];
    first();
    made[0]!.reply(0, '192.0.2.1');
    expect(heard).toEqual([]);
    expect(made[0]!.isClosed).toBe(false);
    second();
    expect(made[0]!.isClosed).toBe(true);
    ping('192.0.2.1');
    expect(made.length).toBe(2);
  });

  test('carry each its own mark', () => {
    const { made, ping } = pinger();
    for (const mark of [0, 7, 7, 0xffffffff, 0]) ping('192.0.2.1', mark);
    expect(made[0]!.sent.map(({ mark }) => mark)).toEqual([0, 7, 7, 0xffffffff, 0]);
    expect(made[0]!.markings).toBe(3);
  });

  test('that cannot be sent say why', () => {
    const { ping, heard } = pinger();
    ping('192.0.2.99');
    expect(heard).toEqual([['192.0.2.99', 'network is unreachable']]);
  });

  test('fail with their socket, and the next one opens another', () => {
    const { made, ping, heard } = pinger();
    const forget = [ping('192.0.2.1'), ping('192.0.2.2')];
    made[0]!.emit('error', new Error('Network is down'));
    expect(heard).toEqual([
      ['192.0.2.1', 'network is down'],
      ['192.0.2.2', 'network is down'],
    ]);
    for (const each of forget) each();
    ping('192.0.2.1');
    expect(made.length).toBe(2);
    made[1]!.reply(0, '192.0.2.1');
    expect(heard.at(-1)).toEqual(['192.0.2.1', null]);
  });

  test('are 65,536 at most', () => {
    const { ping } = pinger();
    for (let count = 0; count < 65_536; count++) ping('192.0.2.1');
    expect(() => ping('192.0.2.1')).toThrow('too many pings at once');
  });

  test('say what is missing when there is no package', () => {
    const pings = new PingSocket(4, () => {
      throw new Error('ping cannot be sent, as the package raw-socket is not installed; run: npm ci');
    });
    expect(() => pings.ping('192.0.2.1', 0, () => {})).toThrow('run: npm ci');
  });

  test('say what else keeps a socket from being made', () => {
    const load = (message: string) => () =>
      ({
        createSocket: () => {
          throw new Error(message);
        },
        AddressFamily: {},
        Protocol: {},
      }) as never;
    const start = (message: string) => new PingSocket(4, load(message)).ping('192.0.2.1', 0, () => {});
    expect(() => start('Operation not permitted')).toThrow('ping needs CAP_NET_RAW; run as root');
    expect(() => start('Too many open files')).toThrow('too many open files');
  });
});
