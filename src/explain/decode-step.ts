/** Step 1: what is in the frame. */

import type { ExplainedStep } from '../control/protocol.ts';
import { type Verdict, verdictNames } from '../datapath/verdict.ts';
import { renderIp, renderIpv4, renderMac } from '../wire/address.ts';
import { DecodeResult } from '../wire/decode.ts';
import {
  destinationMacHigh,
  destinationMacLow,
  ETHERNET_HEADER_BYTES,
  VLAN_TAG_BYTES,
} from '../wire/ethernet.ts';
import { ipv4Word } from '../wire/ipv4.ts';
import { ipv6SourceWord } from '../wire/ipv6.ts';
import type { Packet } from '../wire/packet.ts';
import type { Attempt } from './attempt.ts';
import { VERDICT_WORDS } from './verdict-words.ts';
import { clientEnd, counted, packetKind, virtualEnd } from './words.ts';

export function decodeStep({ decoded, packet, excerpt }: Attempt, frame: Uint8Array): ExplainedStep {
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'decode', text, details });
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const own = renderMac(excerpt.ownMac);
  if (decoded === DecodeResult.PassArp) return step(arpText(packet));
  if (decoded === DecodeResult.PassOtherMac) {
    const to = renderMac({ high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) });
    return step(`the frame is for ${to}, and this director is ${own}`);
  }
  if (decoded !== DecodeResult.Continue)
    return step(VERDICT_WORDS[verdictNames.get(decoded) as keyof typeof Verdict]);
  const whose = packet.isOutgoing
    ? `this host (${own}) sends it`
    : `it is for the MAC address of this director, ${own}`;
  const details = [whose, ...linkDetails(packet), ...fragmentDetails(packet)];
  const name = `IPv${packet.ipVersion}`;
  const limit = packet.ipVersion === 4 ? 'TTL' : 'hop limit';
  if (packet.isIcmpError) {
    const sender = senderOf(view, packet);
    return step(
      `${name}, an ICMP error of ${sender} about a packet of ${packetKind(packet)} that a server sent from ${virtualEnd(packet)} to ${clientEnd(packet)}, ${limit} ${packet.ttl}`,
      ...details,
    );
  }
  return step(
    `${name}, ${packetKind(packet)}, ${limit} ${packet.ttl}, ${counted(packet.ipBytes, 'byte')}`,
    ...details,
  );
}

function arpText({ arpSenderIp, arpSenderMacHigh, arpSenderMacLow }: Packet): string {
  if (arpSenderIp === 0) return 'ARP';
  return `ARP: ${renderMac({ high: arpSenderMacHigh, low: arpSenderMacLow })} says that it has ${renderIpv4(arpSenderIp)}`;
}

function linkDetails({ ipOffset }: Packet): string[] {
  const tags = (ipOffset - ETHERNET_HEADER_BYTES) / VLAN_TAG_BYTES;
  return tags === 0
    ? []
    : [`behind ${counted(tags, 'VLAN tag')}, which the answer or the forwarded frame keeps`];
}

function fragmentDetails({ fragmentOffsetBytes, moreFragments, identification }: Packet): string[] {
  if (fragmentOffsetBytes > 0)
    return [
      `a later fragment of datagram ${identification}, from byte ${fragmentOffsetBytes} on: it has no ports`,
    ];
  return moreFragments
    ? [`the first fragment of datagram ${identification}: those that follow go where it goes`]
    : [];
}

function senderOf(frame: DataView, { ipVersion, ipOffset }: Packet): string {
  if (ipVersion === 4) return renderIpv4(ipv4Word(frame, ipOffset, 3));
  const word = (index: number) => ipv6SourceWord(frame, ipOffset, index);
  return renderIp({ version: 6, words: [word(0), word(1), word(2), word(3)] });
}
