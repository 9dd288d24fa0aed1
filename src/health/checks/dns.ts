/** Does a name server answer a question as expected? By UDP, and by TCP when the answer says that it is cut short. */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { causeOf, causeOfDatagram } from '../cause.ts';
import type { CheckTarget, DnsCheck } from '../check.ts';
import { encodeQuestion, judgeAnswer } from '../dns-message.ts';
import type { Settle, Start } from '../running.ts';
import { connectDatagram, connectStream, resetStream } from '../sockets.ts';

export const startDns: Start<DnsCheck> = (options, target, settle) => {
  const id = randomInt(0x10000);
  const question = encodeQuestion(options, id);
  const socket = connectDatagram(target);
  let stream: Socket | undefined;
  socket.on('connect', () => socket.send(question));
  socket.on('message', (message) => {
    const verdict = judgeAnswer(message, id, options);
    if (verdict.what === 'truncated') stream ??= askOverTcp(question, id, options, target, settle);
    else if (verdict.what === 'answer') settle(verdict.failure);
  });
  socket.on('error', (error) => settle(causeOfDatagram(error)));
  return {
    stop() {
      socket.close();
      if (stream !== undefined) resetStream(stream);
    },
    onTimeout: (within) => (stream === undefined ? `no answer ${within}` : `no answer over TCP ${within}`),
  };
};

/** RFC 1035 §4.2.2: two bytes of length before each message. */
const LENGTH_BYTES = 2;

function askOverTcp(
  question: Buffer,
  id: number,
  options: DnsCheck,
  target: CheckTarget,
  settle: Settle,
): Socket {
  const socket = connectStream(target);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(question.length);
  socket.write(Buffer.concat([length, question]));
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < LENGTH_BYTES) return;
    const end = LENGTH_BYTES + received.readUInt16BE(0);
    if (received.length < end) return;
    const verdict = judgeAnswer(received.subarray(LENGTH_BYTES, end), id, options);
    settle(
      verdict.what === 'answer' ? verdict.failure : 'over TCP: answer is cut short, or to another question',
    );
  });
  socket.on('error', (error) => settle(`over TCP: ${causeOf(error)}`));
  socket.on('close', () => settle('over TCP: connection closed by the server'));
  return socket;
}
