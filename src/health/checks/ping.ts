/** Does the host answer an ICMP echo request? */
import { isIPv6 } from 'node:net';
import type { PingCheck } from '../check.ts';
import { PingSocket } from '../ping-socket.ts';
import type { Start } from '../running.ts';

const ipv4Pings = new PingSocket(4);
const ipv6Pings = new PingSocket(6);

export const startPing: Start<PingCheck> = (_options, { address, mark }, settle) => {
  const pings = isIPv6(address) ? ipv6Pings : ipv4Pings;
  return { stop: pings.ping(address, mark, settle) };
};
