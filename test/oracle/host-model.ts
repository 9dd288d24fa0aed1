/**
 * What the host's own stack does with a frame that is left to it: the answers that the recordings name, no more.
 * Nothing listens on the recorded host, so TCP is answered with RST, UDP with port unreachable, echo with a reply.
 */

import { parseMac, renderIpv4 } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { IpProtocol, ipv4ProtocolOf, ipv4Word, isInvalidIpv4Source } from '../../src/wire/ipv4.ts';
import { Packet } from '../../src/wire/packet.ts';
import { TcpFlag, tcpFlags } from '../../src/wire/transport.ts';

export interface HostAnswer {
  /** As recordings name it: tcp-rst, icmp-3/3, icmp-0/0 … */
  readonly kind: string;
}

const ECHO_REQUEST = 8;
const ICMPV6_ECHO_REQUEST = 128;

export class HostModel {
  private readonly mac: { readonly high: number; readonly low: number };
  private readonly ownAddresses: ReadonlySet<string>;

  constructor(mac: string, ownAddresses: readonly string[]) {
    this.mac = parseMac(mac)!;
    this.ownAddresses = new Set(ownAddresses);
  }

  /** Undefined: it says nothing. */
  answer(frame: Uint8Array): HostAnswer | undefined {
    const packet = new Packet();
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const result = decode(packet, view, frame.length, this.mac);
    if (result === DecodeResult.PassProtocol) return echo(packet, view);
    if (result !== DecodeResult.Continue || packet.isIcmpError || packet.isOutgoing) return undefined;
    if (packet.ipVersion === 4 && this.isMartian(packet)) return undefined;
    if (packet.moreFragments || packet.fragmentOffsetBytes > 0) return undefined;
    if (packet.protocol === IpProtocol.Tcp) {
      return packet.tcpFlags < 0 || (packet.tcpFlags & TcpFlag.Rst) !== 0 ? undefined : { kind: 'tcp-rst' };
    }
    if (packet.protocol !== IpProtocol.Udp) return undefined;
    return { kind: packet.ipVersion === 4 ? 'icmp-3/3' : 'icmp6-1/4' };
  }

  private isMartian({ client0 }: Packet): boolean {
    return isInvalidIpv4Source(client0) || this.ownAddresses.has(renderIpv4(client0));
  }
}

function echo(packet: Packet, view: DataView): HostAnswer | undefined {
  const type = view.getUint8(packet.transportOffset);
  if (packet.ipVersion === 4) {
    const isEcho =
      ipv4ProtocolOf(ipv4Word(view, packet.ipOffset, 2)) === IpProtocol.Icmp && type === ECHO_REQUEST;
    return isEcho ? { kind: 'icmp-0/0' } : undefined;
  }
  return packet.protocol === IpProtocol.Icmpv6 && type === ICMPV6_ECHO_REQUEST
    ? { kind: 'icmp6-129/0' }
    : undefined;
}

/** The frame that carries a TCP RST back to the client of `frame`: both pairs of ends swapped. */
export function resetFrame(frame: Uint8Array): Uint8Array {
  const reset = frame.slice();
  const swap = (a: number, b: number, lengthBytes: number) => {
    reset.set(frame.subarray(b, b + lengthBytes), a);
    reset.set(frame.subarray(a, a + lengthBytes), b);
  };
  swap(0, 6, 6);
  const isIpv4 = frame[12] === 0x08;
  const transportOffset = isIpv4 ? 34 : 54;
  if (isIpv4) swap(26, 30, 4);
  else swap(22, 38, 16);
  swap(transportOffset, transportOffset + 2, 2);
  const view = new DataView(reset.buffer);
  reset[transportOffset + 13] = TcpFlag.Rst | (tcpFlags(view, transportOffset) === 0 ? 0 : TcpFlag.Ack);
  return reset;
}
