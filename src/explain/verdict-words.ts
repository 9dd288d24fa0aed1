/** What each verdict means for the packet, in a sentence. docs/PACKET-PATH.md has more on each. */
import type { Verdict } from '../datapath/verdict.ts';

export const VERDICT_WORDS: Readonly<Record<keyof typeof Verdict, string>> = {
  Continue: 'decoded',
  Forward: 'it goes to the real server of its connection',
  ForwardIcmpError: 'it goes to the real server of the connection that it is about',
  ForwardFragment: 'it goes where the first fragment of its datagram went',
  DeliverLocalServer: 'it is handed to this host, which is the real server of its connection',
  DeliverUnscheduled:
    'it is for a service, but opens no connection and belongs to none: this host gets it, and answers TCP with a reset',
  PassNotIp: 'neither IPv4, IPv6 nor ARP, or more VLAN tags than two: it is left to this host',
  PassArp: 'ARP: it is left to this host',
  PassProtocol: 'IP, but nothing that a service could have, such as ping: it is left to this host',
  PassOtherMac: 'it is not addressed to this director: it is left alone',
  PassNotVirtual: 'no service is for it: it is left to this host',
  PassIcmpUnrelated: 'an ICMP error about no connection of ours: it is left to this host',
  PassFragment:
    'a later fragment whose first one did not concern the director, or that this host has already: it is left to this host',
  PassArpConflict: 'ANOTHER HOST SAYS THAT IT HAS A VIRTUAL ADDRESS, and takes its traffic away',
  PassIcmpLocal: 'an ICMP error about a connection that this host serves: it has it from the wire',
  PassOwnReply: "this host's own answer as a real server; it is counted and let pass",
  PassWaiting: 'a fragment that came before the first one of its datagram: it waits for that, up to 30 s',
  PassOwn: 'this host sends it, and it is of no connection: it is let pass',
  ReplyPortUnreachable:
    'the service has no server to offer: the client gets ICMP port unreachable and nobody the packet',
  ReplyTimeExceeded:
    'its TTL or hop limit is used up: the client gets ICMP time exceeded and nobody the packet',
  ReplyReset:
    "its connection's server failed its checks: the client gets a TCP reset, and the connection ends",
  DropMartianSource: 'its source is an address that no host may have, or one of this director: dropped',
  DropTransportTruncated: 'it ends within its TCP, UDP or SCTP header: dropped',
  DropServerRemoved: 'the real server of its connection was taken out of the service: dropped',
  DropReplyLimit:
    'an ICMP answer is due, but the client, or all clients together, had enough of them: dropped',
  DropNoNeighbor: 'the MAC address of the real server is not known: dropped',
  DropServerUnreachable: 'the real server cannot be reached by direct routing: dropped',
  DropConnectionTableFull: 'the connection table is full, and nobody can make room: dropped',
  DropTransmit: 'the interface does not take the frame: dropped',
  DropDeliver: 'this host does not take the packet: dropped',
  DropDefense: 'drop_packet is in force, and it is the turn of this first packet: dropped',
  DropFirstSyn:
    'a SYN flood is on, and this is the first SYN of its connection: dropped, until the client sends it again',
  DropTtl: 'its TTL or hop limit is used up, and no answer is due: dropped',
  DropTruncated: 'the frame ends within a header: dropped',
  DropIpVersion: 'the version in the IP header is not that of the frame type: dropped',
  DropIpHeaderLength: 'the IPv4 header says that it is shorter than 20 bytes: dropped',
  DropIpTotalLength: 'the packet says that it is longer than the frame: dropped',
  DropIpChecksum: 'the IPv4 header checksum is wrong: dropped',
  DropIpOptions: 'malformed IP options, or a source route: dropped',
};
