import { describe, expect, test } from 'vitest';
import type { UdpCheck } from '../../src/health/check.ts';
import { bad, check, closedPort, GOOD, listenUdp, SHORT_MS, targetOn } from './loopback.ts';

const udp = (more: Partial<UdpCheck> = {}): UdpCheck => ({ kind: 'udp', ...more });

describe('a UDP check', { timeout: 30_000 }, () => {
  test('takes silence for good when it expects nothing', async () => {
    expect(await check(udp(), targetOn(await listenUdp(() => {})), SHORT_MS)).toEqual(GOOD);
  });

  test('takes any answer for good when it expects nothing', async () => {
    expect(await check(udp(), targetOn(await listenUdp((_message, answer) => answer(''))))).toEqual(GOOD);
  });

  test('sends text or bytes, over IPv4 and IPv6', async () => {
    const heard: string[] = [];
    const serve = (message: Buffer, answer: (text: string) => void) => {
      heard.push(message.toString('hex'));
      answer('ok');
    };
    await check(udp(), targetOn(await listenUdp(serve)));
    await check(udp({ payload: { text: 'pïng' } }), targetOn(await listenUdp(serve)));
    const port = await listenUdp(serve, '::1');
    await check(udp({ payload: { hex: '00 ff\nA5' } }), targetOn(port, { address: '::1' }));
    expect(heard).toEqual(['', Buffer.from('pïng').toString('hex'), '00ffa5']);
  });

  test('looks for what it expects', async () => {
    const port = await listenUdp((_message, answer) => answer('xpongx'));
    expect(await check(udp({ expectAnswer: { text: 'pong' } }), targetOn(port))).toEqual(GOOD);
    expect(await check(udp({ expectAnswer: { hex: '706f6e67' } }), targetOn(port))).toEqual(GOOD);
    expect(await check(udp({ expectAnswer: { text: 'pang' } }), targetOn(port))).toEqual(
      bad('answer has no "pang"'),
    );
    expect(await check(udp({ expectAnswer: { hex: '00' } }), targetOn(port))).toEqual(
      bad('answer has no bytes 00'),
    );
  });

  test('that expects an answer does not take silence for one', async () => {
    const options = udp({ expectAnswer: { text: 'pong' } });
    expect(await check(options, targetOn(await listenUdp(() => {})), SHORT_MS)).toEqual(
      bad('no answer within 0.3 s'),
    );
  });

  test('of a port that nobody listens on is not good', async () => {
    expect(await check(udp(), targetOn(await closedPort()))).toEqual(bad('port unreachable'));
  });

  test('hears the server alone', async () => {
    const port = await listenUdp(async (_message, _answer, from) => {
      const { createSocket } = await import('node:dgram');
      const stranger = createSocket('udp4');
      stranger.send('pong', from.port, from.address, () => stranger.close());
    });
    const options = udp({ expectAnswer: { text: 'pong' } });
    expect(await check(options, targetOn(port), SHORT_MS)).toEqual(bad(/no answer|port unreachable/));
  });

  test.each([{ hex: 'abc' }, { hex: 'xy' }])('does not send %o', async (payload) => {
    expect(await check(udp({ payload }), targetOn(9))).toEqual(bad(/are not hexadecimal digits in pairs/));
  });
});
