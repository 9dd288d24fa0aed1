/** Is a datagram answered, or at least not refused? */
import { causeOfDatagram } from '../cause.ts';
import type { Payload, UdpCheck } from '../check.ts';
import { parsePayload, renderPayload } from '../payload.ts';
import type { Start } from '../running.ts';
import { connectDatagram } from '../sockets.ts';

export const startUdp: Start<UdpCheck> = ({ payload, expectAnswer }, target, settle) => {
  const datagram = bytesOf(payload ?? { text: '' });
  const expected = expectAnswer && bytesOf(expectAnswer);
  const socket = connectDatagram(target);
  socket.on('connect', () => socket.send(datagram));
  socket.on('message', (answer) => {
    if (expected === undefined || answer.includes(expected)) settle(null);
    else settle(`answer has no ${renderPayload(expectAnswer!)}`);
  });
  socket.on('error', (error) => settle(causeOfDatagram(error)));
  const stop = () => socket.close();
  return expected === undefined ? { stop, onTimeout: () => null } : { stop };
};

function bytesOf(payload: Payload): Buffer {
  const bytes = parsePayload(payload);
  if (bytes === undefined) throw new Error(`${renderPayload(payload)} are not hexadecimal digits in pairs`);
  return bytes;
}
