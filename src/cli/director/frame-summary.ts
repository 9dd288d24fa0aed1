/** A frame in few words, for a line on the terminal: `10.0.0.9:4242 > 10.0.0.100:80 tcp S`. Wireshark knows more. */
import { renderIp } from '../../wire/address.ts';
import {
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherType,
  MAX_VLAN_TAGS,
  VLAN_TAG_BYTES,
} from '../../wire/ethernet.ts';
import {
  IPV4_MIN_HEADER_BYTES,
  IpProtocol,
  ipv4FragmentOffsetBytesOf,
  ipv4HeaderBytesOf,
  ipv4ProtocolOf,
  ipv4Word,
} from '../../wire/ipv4.ts';
import { IPV6_HEADER_BYTES, ipv6DestinationWord, ipv6NextHeader, ipv6SourceWord } from '../../wire/ipv6.ts';
import { PORTS_BYTES, TcpFlag, tcpFlags } from '../../wire/transport.ts';

const TCP_FLAGS_END = 14;
const PROTOCOLS: ReadonlyMap<number, string> = new Map(
  Object.entries(IpProtocol).map(([name, number]) => [number, name.toLowerCase()]),
);
/** As tcpdump has them. */
const FLAG_LETTERS = [
  ['S', TcpFlag.Syn],
  ['F', TcpFlag.Fin],
  ['R', TcpFlag.Rst],
  ['P', TcpFlag.Psh],
  ['.', TcpFlag.Ack],
] as const;

export function summarize(data: Buffer): string {
  const frame = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length < ETHERNET_HEADER_BYTES) return 'cut off';
  let at = 0;
  let type = etherType(frame, at);
  for (let tags = 0; tags < MAX_VLAN_TAGS && isVlan(type); tags++) {
    at += VLAN_TAG_BYTES;
    if (data.length < at + ETHERNET_HEADER_BYTES) return 'cut off';
    type = etherType(frame, at);
  }
  const ip = at + ETHERNET_HEADER_BYTES;
  if (type === EtherType.Arp) return 'arp';
  if (type === EtherType.Ipv4 && data.length >= ip + IPV4_MIN_HEADER_BYTES) return ofIpv4(frame, ip);
  if (type === EtherType.Ipv6 && data.length >= ip + IPV6_HEADER_BYTES) return ofIpv6(frame, ip);
  return `ethertype 0x${type.toString(16).padStart(4, '0')}`;
}

const isVlan = (type: number): boolean => type === EtherType.Vlan || type === EtherType.ServiceVlan;

function ofIpv4(frame: DataView, ip: number): string {
  const address = (index: number) => renderIp({ version: 4, words: [ipv4Word(frame, ip, index), 0, 0, 0] });
  const transport = ip + ipv4HeaderBytesOf(ipv4Word(frame, ip, 0));
  const isLater = ipv4FragmentOffsetBytesOf(ipv4Word(frame, ip, 1)) > 0;
  return ends(
    frame,
    address(3),
    address(4),
    ipv4ProtocolOf(ipv4Word(frame, ip, 2)),
    isLater ? undefined : transport,
  );
}

function ofIpv6(frame: DataView, ip: number): string {
  const address = (word: typeof ipv6SourceWord) =>
    renderIp({
      version: 6,
      words: [word(frame, ip, 0), word(frame, ip, 1), word(frame, ip, 2), word(frame, ip, 3)],
    });
  const [source, destination] = [address(ipv6SourceWord), address(ipv6DestinationWord)];
  return ends(frame, source, destination, ipv6NextHeader(frame, ip), ip + IPV6_HEADER_BYTES);
}

/** `transport`: where it begins; undefined: not in this frame. */
function ends(
  frame: DataView,
  from: string,
  to: string,
  protocol: number,
  transport: number | undefined,
): string {
  const name = PROTOCOLS.get(protocol) ?? `protocol ${protocol}`;
  const hasPorts = protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp || protocol === IpProtocol.Sctp;
  if (!hasPorts || transport === undefined || frame.byteLength < transport + PORTS_BYTES)
    return `${from} > ${to} ${name}`;
  const [source, destination] = [frame.getUint16(transport), frame.getUint16(transport + 2)];
  const flags =
    protocol === IpProtocol.Tcp && frame.byteLength >= transport + TCP_FLAGS_END
      ? ` ${lettersOf(tcpFlags(frame, transport))}`
      : '';
  return `${withPort(from, source)} > ${withPort(to, destination)} ${name}${flags}`;
}

const withPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

const lettersOf = (flags: number): string =>
  FLAG_LETTERS.filter(([, bit]) => (flags & bit) !== 0)
    .map(([letter]) => letter)
    .join('') || 'none';
