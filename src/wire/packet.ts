/** What decode() finds in a frame: one object, reused, overwritten by every frame. */

/** tcpFlags, sctpChunk and stateInput of a packet that ends before them. */
export const NOT_PRESENT = -1;

/**
 * Numbers are in host order; addresses are 32-bit words, signed; IPv4 uses the first word, the others are 0.
 * Copy what must outlive the next decode().
 */
export class Packet {
  /** Bytes from the start of the frame to the IP header: 14, and 4 for each VLAN tag. */
  ipOffset = 0;
  /** First byte after the IP packet; what follows in the frame is padding. */
  ipEnd = 0;
  /** 4 or 6 */
  ipVersion = 0;
  /** TTL or hop limit. */
  ttl = 0;
  /** TCP, UDP, SCTP, ICMP or ICMPv6: an IpProtocol. For an ICMP error: of the packet inside. */
  protocol = 0;
  transportOffset = 0;

  /** Whole IP packet, for the counters. */
  get ipBytes(): number {
    return this.ipEnd - this.ipOffset;
  }

  /**
   * Both ends as the client sees them. Of a frame from the client: its source and destination. Of an ICMP
   * error: destination and source of the packet inside, which a server sent. Of a frame that this host sends
   * to a client (`isOutgoing`): destination and source.
   */
  client0 = 0;
  client1 = 0;
  client2 = 0;
  client3 = 0;
  virtual0 = 0;
  virtual1 = 0;
  virtual2 = 0;
  virtual3 = 0;
  /** Valid iff protocol is TCP, UDP or SCTP and hasPorts. */
  clientPort = 0;
  virtualPort = 0;
  /** False for what follows the first fragment, and for a packet that ends before its ports. */
  hasPorts = false;

  /** The packet is an ICMP error; protocol, addresses and ports are those of the packet inside. */
  isIcmpError = false;
  /** This host sent the frame. */
  isOutgoing = false;

  /** Of a whole datagram or a first fragment: 0. */
  fragmentOffsetBytes = 0;
  moreFragments = false;
  /** Valid iff the packet is a fragment. */
  identification = 0;

  /** TcpFlag bits, or NOT_PRESENT. Valid iff protocol is TCP. */
  tcpFlags = NOT_PRESENT;
  /** SctpChunk that comes first, or NOT_PRESENT. Valid iff protocol is SCTP. */
  sctpChunk = NOT_PRESENT;
  /** What moves the state: TcpFlag bits or an SctpChunk; or NOT_PRESENT. Valid iff protocol is TCP or SCTP. */
  stateInput = NOT_PRESENT;

  /** Valid after DecodeResult.PassArp: who claims which IPv4 address; 0 when it is no IPv4 ARP. */
  arpSenderIp = 0;
  arpSenderMacHigh = 0;
  arpSenderMacLow = 0;
}
