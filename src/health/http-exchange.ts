/**
 * One question and answer of HTTP/1.1 over a connection of ours, which Node.js's client closes after it: no agent,
 * nothing is kept. Its parser ends headers longer than 16 KiB; of the body we keep a few bytes.
 */
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { BodySearch, MAX_BODY_BYTES } from './body-search.ts';
import type { CheckTarget, HttpQuestion } from './check.ts';
import type { Settle } from './running.ts';
import { isExpected, parseStatusRanges } from './status-ranges.ts';

const DEFAULT_STATUS = '200-399';

/**
 * `connect` is called once the question is found to be one that can be asked. `causeOfError`: what an error of the
 * connection means. Returns what silence means from then on, as Running has it.
 */
export function exchange(
  question: HttpQuestion,
  host: string,
  connect: () => Socket,
  settle: Settle,
  causeOfError: (error: NodeJS.ErrnoException) => string,
): (within: string) => string {
  const { method = 'GET', path = '/', expectStatus = DEFAULT_STATUS, expectBody } = question;
  const ranges = parseStatusRanges(expectStatus);
  if (ranges === undefined) throw new Error(`expected status "${expectStatus}" is not such as 200-399,404`);
  let answer: IncomingMessage | undefined;

  const judge = (message: IncomingMessage) => {
    answer = message;
    const { statusCode = 0 } = message;
    if (!isExpected(statusCode, ranges)) settle(`status ${statusCode}, expected ${expectStatus}`);
    else if (expectBody === undefined) settle(null);
    else searchBody(message, expectBody, settle);
  };
  const client = request({
    method,
    path,
    headers: { Host: host, 'User-Agent': 'director', Accept: '*/*' },
    createConnection: connect,
  });
  client.on('response', judge);
  client.on('upgrade', judge); // 101 is an answer as any; without a listener there would be no event but 'close'
  client.on('error', (error) => settle(causeOfError(error)));
  client.on('close', () => settle('connection closed before the end of the answer'));
  client.end();
  return (within) => (answer === undefined ? `no answer ${within}` : `no end of the answer ${within}`);
}

function searchBody(message: IncomingMessage, expected: string, settle: Settle): void {
  const search = new BodySearch(expected);
  message.on('data', (chunk: Buffer) => {
    if (search.add(chunk)) settle(null);
    else if (search.isExhausted)
      settle(`no "${expected}" in the first ${MAX_BODY_BYTES / 1024} KiB of the answer`);
  });
  message.on('error', () => settle('connection closed before the end of the answer'));
  message.on('end', () => settle(`answer has no "${expected}"`));
}

/** The Host header, RFC 9110 §7.2: what clients would write for the virtual service; else for the target. */
export function hostHeader(target: CheckTarget, defaultPort: number): string {
  const { address, port } = target.virtual ?? target;
  const host = address.includes(':') ? `[${address}]` : address;
  return port === defaultPort ? host : `${host}:${port}`;
}
