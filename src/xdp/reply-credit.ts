/** Whether the program would answer a packet's client by ICMP, as native/bpf/reply.h, take_reply(), works it out. */
import { CLIENT_BURST, nameOf, placeOf, REPLIES_PER_SECOND } from '../datapath/reply-limit.ts';
import type { Packet } from '../wire/packet.ts';
import { CONFIG, REPLIES, REPLY_CLIENT } from './layout.ts';
import type { Program } from './program.ts';

const WHOLE = 1000;

export function mayReply({ config, replies, ticksPerSecond }: Program, packet: Packet, now: number): boolean {
  const since = (then: number) => {
    const ticks = (now - then) >>> 0;
    return ticks > 2 ** 32 - ticksPerSecond ? 0 : ticks;
  };
  const word = (offset: number) => replies[offset / 4]!;
  const isLimited = config.get32(0, CONFIG.at.limitsClients) !== 0;
  const cost = packet.ipVersion === 4 ? ticksPerSecond : Math.floor(ticksPerSecond / 16);
  const name = nameOf(packet) >>> 0;
  const at = REPLIES.at.clients + REPLY_CLIENT.bytes * placeOf(name | 0);
  const isKnown = word(at + REPLY_CLIENT.at.client) === name;
  const credit = word(at + REPLY_CLIENT.at.credit) + since(word(at + REPLY_CLIENT.at.refilled));
  if (isLimited && isKnown && Math.min(credit, CLIENT_BURST * cost) < cost) return false;
  const earned = Math.floor((since(word(REPLIES.at.refilled)) * REPLIES_PER_SECOND * WHOLE) / ticksPerSecond);
  return word(REPLIES.at.tokens) + earned >= WHOLE;
}
