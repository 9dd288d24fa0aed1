/**
 * What became of a frame, and why. Also the index of its counter. The prefix says who has the frame now:
 * Forward: a real server; Deliver: this host, handed over by us; Pass: this host, which had it from the start;
 * Reply: nobody, the client got an answer; Drop: nobody.
 */
import { DecodeResult } from '../wire/decode.ts';

export const Verdict = {
  /** A frame that decode() refused or does not concern carries decode()'s own result. */
  ...DecodeResult,

  /** Re-sent to the real server of its connection. */
  Forward: 32,
  /** An ICMP error, re-sent to the real server of the connection that it is about. */
  ForwardIcmpError: 33,

  /** A later fragment, re-sent to the server that got the first one. */
  ForwardFragment: 34,
  /** The scheduler gave the connection to this host (LocalNode). */
  DeliverLocalServer: 40,
  /** For a service port, but nothing that opens a connection: the host's own stack answers (TCP: RST). */
  DeliverUnscheduled: 41,

  /** No virtual service at this address and port. */
  PassNotVirtual: 48,
  /** An ICMP error about none of our connections. */
  PassIcmpUnrelated: 49,
  /** A later fragment of a datagram that does not concern us, or is this host's. */
  PassFragment: 50,
  /** Somebody else says in ARP that it holds one of the virtual addresses. */
  PassArpConflict: 51,
  /** An ICMP error about a connection of this host's own, which had it from the wire. */
  PassIcmpLocal: 52,
  /** What this host sends as the real server of a connection. */
  PassOwnReply: 53,
  /** A fragment that came before the first one of its datagram, and is kept until that comes. */
  PassWaiting: 55,
  /** What else this host sends. */
  PassOwn: 54,

  /** The service has no server to offer: ICMP port unreachable went to the client. */
  ReplyPortUnreachable: 56,
  /** TTL or hop limit used up: ICMP time exceeded went to the client. */
  ReplyTimeExceeded: 57,
  /** The connection's real server failed its checks (failed_connections is 2): RST went to the client. */
  ReplyReset: 58,

  /** Source address that no host may use, or one of this host's own. */
  DropMartianSource: 64,
  /** TCP or SCTP without its whole header, and no connection that it belongs to. */
  DropTransportTruncated: 65,
  /** The connection's real server was removed from the service (expire_nodest_conn is 0). */
  DropServerRemoved: 67,
  /** An ICMP answer was due, but too many were sent this second. */
  DropReplyLimit: 68,
  /** The MAC of the real server is not known (yet). */
  DropNoNeighbor: 69,
  /** The real server cannot be reached by direct routing: other segment, tunnel or masquerading. */
  DropServerUnreachable: 70,
  DropConnectionTableFull: 71,
  /** The interface did not take the frame. */
  DropTransmit: 72,
  /** This host's own stack did not take the frame. */
  DropDeliver: 73,
  /** drop_packet is in force, and it was this first packet's turn. */
  DropDefense: 75,
  /** TTL used up, and no answer is due: the frame is an ICMP error itself. */
  DropTtl: 74,
  /** A SYN flood is on, and this is a connection's first SYN: its client sends it again. */
  DropFirstSyn: 76,
} as const;

export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export const VERDICT_COUNT = 80;

/** Listed with the verdicts, but no path ever saw these frames: they came faster than the datapath took them. */
export const DROP_RING_FULL = 'DropRingFull';

/** Name of each verdict by its number. */
export const verdictNames: ReadonlyMap<number, string> = new Map(
  Object.entries(Verdict).map(([name, verdict]) => [verdict, name]),
);
