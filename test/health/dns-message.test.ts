import { decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DnsCheck } from '../../src/health/check.ts';
import { encodeQuestion, isName, judgeAnswer } from '../../src/health/dns-message.ts';

const ID = 0x1234;
const CHECK: DnsCheck = { kind: 'dns', name: 'a.example', type: 'A' };
const QUESTION = { name: 'a.example', type: 'A' } as const;

const answer = (packet: Packet): Buffer =>
  encode({ type: 'response', id: ID, questions: [QUESTION], ...packet });
const judge = (message: Buffer, more: Partial<DnsCheck> = {}) =>
  judgeAnswer(message, ID, { ...CHECK, ...more });
const failure = (text: string | null) => ({ what: 'answer', failure: text });

describe('a question', () => {
  test('asks for what it is told', () => {
    const packet = decode(encodeQuestion(CHECK, ID));
    expect(packet).toMatchObject({ type: 'query', id: ID, flag_rd: true, questions: [QUESTION] });
  });

  test.each(['a..b', '', `${'x'.repeat(64)}.example`, 'x.'.repeat(200)])('does not ask for %s', (name) => {
    expect(isName(name)).toBe(false);
    expect(() => encodeQuestion({ ...CHECK, name }, ID)).toThrow('is no name in DNS');
  });

  test.each(['.', 'example', 'a.example.', `${'x'.repeat(63)}.example`])('may ask for %s', (name) =>
    expect(isName(name)).toBe(true),
  );
});

describe('an answer', () => {
  test('without error is good', () => expect(judge(answer({}))).toEqual(failure(null)));

  test('may spell the name in capitals, and leave the question out', () => {
    expect(judge(answer({ questions: [{ name: 'A.EXAMPLE', type: 'A' }] }))).toEqual(failure(null));
    expect(judge(answer({ questions: [] }))).toEqual(failure(null));
  });

  test.each([
    [3, 'NXDOMAIN'],
    [5, 'REFUSED'],
    [15, 'code 15'],
  ])('with code %i is compared with the one that is expected', (flags, name) => {
    expect(judge(answer({ flags }))).toEqual(failure(`${name}, expected NOERROR`));
    expect(judge(answer({ flags }), { expectCode: 'NXDOMAIN' })).toEqual(
      failure(name === 'NXDOMAIN' ? null : `${name}, expected NXDOMAIN`),
    );
  });

  test.each([
    ['with another id', answer({ id: ID + 1 })],
    ['to another name', answer({ questions: [{ name: 'b.example', type: 'A' }] })],
    ['to another type', answer({ questions: [{ name: 'a.example', type: 'MX' }] })],
    ['that is a question', encodeQuestion(CHECK, ID)],
  ])('%s is stray', (_name, message) => expect(judge(message)).toEqual({ what: 'stray' }));

  test('that says it is truncated is, wherever it ends', () => {
    const whole = answer({
      flags: TRUNCATED_RESPONSE,
      answers: [{ ...QUESTION, data: '192.0.2.1' }],
    });
    expect(judge(whole.subarray(0, -3))).toEqual({ what: 'truncated' });
  });

  test.each([
    ['A', '192.0.2.1', '192.0.2.1'],
    ['AAAA', '2001:db8:0:0::1', '2001:db8::1'],
    ['CNAME', 'www.Example.', 'www.example'],
    ['MX', '10 mail.example', { preference: 10, exchange: 'mail.example' }],
    ['NS', 'ns.example', 'ns.example'],
    ['PTR', 'host.example', 'host.example'],
    ['SRV', '1 2 5060 sip.example', { priority: 1, weight: 2, port: 5060, target: 'sip.example' }],
    ['TXT', 'v=spf1 -all', ['v=spf1 ', '-all']],
    [
      'SOA',
      'ns.example root.example 1 2 3 4 5',
      { mname: 'ns.example', rname: 'root.example', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
    ],
  ] as const)('with a record of type %s has it as %s', (type, text, data) => {
    const question = { name: 'a.example', type };
    const message = answer({
      questions: [question],
      answers: [{ ...question, data } as never],
    });
    expect(judge(message, { type, expectAnswer: text })).toEqual(failure(null));
    expect(judge(message, { type, expectAnswer: 'other' })).toEqual(
      failure(expect.stringMatching(/^answer is .+, expected other$/) as unknown as string),
    );
  });

  test('without the record says so', () => {
    expect(judge(answer({}), { expectAnswer: '192.0.2.1' })).toEqual(
      failure('answer is no record of type A, expected 192.0.2.1'),
    );
  });

  test('of any bytes is judged', () => {
    const header = Buffer.from([ID >> 8, ID & 255, 0x80, 0]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, hasHeader) => {
        const message = hasHeader ? Buffer.concat([header, bytes]) : Buffer.from(bytes);
        expect(['answer', 'stray', 'truncated']).toContain(judge(message, { expectAnswer: 'x' }).what);
      }),
    );
  });

  test('with a name that leads to itself is not DNS', () => {
    const loop = Buffer.from('123480000001000000000000c00c00010001', 'hex');
    expect(judge(loop)).toEqual(failure('answer is not DNS'));
  });
});
