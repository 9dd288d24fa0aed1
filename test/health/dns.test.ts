import { createServer } from 'node:net';
import { type DecodedPacket, decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import type { DnsCheck } from '../../src/health/check.ts';
import {
  afterwards,
  bad,
  check,
  closedPort,
  GOOD,
  listenTcp,
  listenUdp,
  SHORT_MS,
  targetOn,
} from './loopback.ts';

const dns = (more: Partial<DnsCheck> = {}): DnsCheck => ({
  kind: 'dns',
  name: 'a.example',
  type: 'A',
  ...more,
});
const RECORD = { name: 'a.example', type: 'A', data: '192.0.2.1' } as const;

const encodeAnswer = ({ id, questions = [] }: DecodedPacket, more: Packet) =>
  encode({ type: 'response', id: id ?? 0, questions, ...more });
const serve = (more: Packet) => listenUdp((message, answer) => answer(encodeAnswer(decode(message), more)));

/** UDP that says 'truncated', and TCP on the same port. */
async function serveOverTcp(answerTo: (question: Buffer) => Buffer | undefined): Promise<number> {
  const port = await serve({ flags: TRUNCATED_RESPONSE });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => {
      const answer = answerTo(data.subarray(2));
      if (answer === undefined) socket.end();
      else for (const byte of answer) socket.write(Buffer.of(byte));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  afterwards(() => server.close());
  return port;
}

const withLength = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);

describe('a DNS check', { timeout: 30_000 }, () => {
  test('is good when there is no error, or the one that is expected', async () => {
    expect(await check(dns(), targetOn(await serve({})))).toEqual(GOOD);
    const port = await serve({ flags: 3 });
    expect(await check(dns({ expectCode: 'NXDOMAIN' }), targetOn(port))).toEqual(GOOD);
    expect(await check(dns(), targetOn(port))).toEqual(bad('NXDOMAIN, expected NOERROR'));
  });

  test('expects a record', async () => {
    const port = await serve({ answers: [{ ...RECORD, data: '192.0.2.2' }, RECORD] });
    expect(await check(dns({ expectAnswer: '192.0.2.1' }), targetOn(port))).toEqual(GOOD);
    expect(await check(dns({ expectAnswer: '192.0.2.3' }), targetOn(port))).toEqual(
      bad('answer is 192.0.2.2, 192.0.2.1, expected 192.0.2.3'),
    );
  });

  test('asks again over TCP when the answer is truncated', async () => {
    const port = await serveOverTcp((question) =>
      withLength(encodeAnswer(decode(question), { answers: [RECORD] })),
    );
    expect(await check(dns({ expectAnswer: '192.0.2.1' }), targetOn(port))).toEqual(GOOD);
  });

  test.each([
    ['closes', () => undefined, 'over TCP: connection closed by the server'],
    ['sends too little', () => Buffer.of(0xff), 'no answer over TCP within 0.3 s'],
    ['announces much', () => Buffer.of(0xff, 0xff, 1, 2), 'no answer over TCP within 0.3 s'],
    ['sends garbage', () => withLength(Buffer.from('x')), 'answer is not DNS'],
    ['answers something else', () => withLength(Buffer.alloc(12)), /^over TCP: answer is cut short/],
  ])('over TCP of a server that %s', async (_name, answerTo, cause) => {
    expect(await check(dns(), targetOn(await serveOverTcp(answerTo)), SHORT_MS)).toEqual(bad(cause));
  });

  test('over TCP of a server that has none', async () => {
    const port = await serve({ flags: TRUNCATED_RESPONSE });
    expect(await check(dns(), targetOn(port))).toEqual(bad('over TCP: connection refused'));
  });

  test.each([
    ['says nothing', () => listenUdp(() => {}), 'no answer within 0.3 s'],
    ['is not there', closedPort, 'port unreachable'],
    ['sends garbage', () => listenUdp((_message, answer) => answer('pong')), 'answer is not DNS'],
    ['sends it all back', () => listenUdp((message, answer) => answer(message)), 'no answer within 0.3 s'],
    ['is a TCP server', () => listenTcp(() => {}), 'port unreachable'],
  ])('of a server that %s', async (_name, start, cause) => {
    expect(await check(dns(), targetOn(await start()), SHORT_MS)).toEqual(bad(cause));
  });

  test('of what is no name fails', async () => {
    expect(await check(dns({ name: 'a..b' }), targetOn(9))).toEqual(bad('"a..b" is no name in DNS'));
  });
});
