/**
 * Match, schedule, remember: what the path does for the first packet of a connection. The order of the checks is
 * that of tcp_conn_schedule(), udp_conn_schedule() and sctp_conn_schedule() of net/netfilter/ipvs, then
 * ip_vs_schedule() of ip_vs_core.c.
 */
import { NO_CONNECTION } from '../connection/connection-table.ts';
import type { RealServer } from '../service/real-server.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { IpProtocol, isInvalidIpv4Source } from '../wire/ipv4.ts';
import { isInvalidIpv6Source } from '../wire/ipv6.ts';
import { NOT_PRESENT, type Packet } from '../wire/packet.ts';
import { SctpChunk, TcpFlag, UDP_HEADER_BYTES } from '../wire/transport.ts';
import { remember } from './connection-life.ts';
import type { Path } from './path.ts';
import { findTemplate } from './persistence.ts';
import { Verdict } from './verdict.ts';

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;

/**
 * The server of a first packet; path.connection is its connection, or NO_CONNECTION for one-packet scheduling.
 * Undefined: there is none, and path.refusal says why.
 */
export function openConnection(path: Path): RealServer | undefined {
  const { packet } = path;
  path.connection = NO_CONNECTION;
  if (hasMartianSource(path)) return refusing(path, martianVerdict(path));
  if (isTransportTruncated(packet)) return refusing(path, Verdict.DropTransportTruncated);
  const service = path.services.match(packet);
  if (service === undefined) return refusing(path, Verdict.PassNotVirtual);
  if (!takesPort(service, packet) || !mayOpen(path)) return refusing(path, Verdict.DeliverUnscheduled);
  if (path.defense.dropsPacket()) return refusing(path, Verdict.DropDefense);
  if (packet.clientPort === FTP_DATA_PORT) return refusing(path, Verdict.DeliverUnscheduled);

  let template = NO_CONNECTION;
  let server: RealServer | undefined;
  if (service.options.persistentSec > 0) {
    template = findTemplate(path, service);
    if (template === NO_CONNECTION) return withoutTemplate(path, service);
    server = path.registry.get(path.connections.serverOf(template));
  } else {
    server = service.scheduler?.choose(service, packet, path.now);
    if (server === undefined) return refusing(path, Verdict.ReplyPortUnreachable);
  }
  return admit(path, service, server, template);
}

/**
 * While a SYN flood is on, whether this is the first SYN of what would be a connection of some service. Before the table is
 * asked, which costs as much again: so a SYN on a connection that lives, or is over, is one, too.
 */
export function isFirstSyn(path: Path): boolean {
  const { packet } = path;
  if (packet.protocol !== IpProtocol.Tcp || packet.isIcmpError) return false;
  if (!isOpening(packet) || (packet.tcpFlags & TcpFlag.Rst) !== 0) return false;
  if (packet.clientPort === FTP_DATA_PORT || hasMartianSource(path)) return false;
  const service = path.services.match(packet);
  return (
    service !== undefined &&
    takesPort(service, packet) &&
    path.synFlood.isFirst(path.connections.hashOf(packet))
  );
}

/** Remembers the choice; `path.connection` is the connection. */
export function admit(
  path: Path,
  service: VirtualService,
  server: RealServer,
  template: number,
): RealServer | undefined {
  const isOnePacket = service.options.onePacket && path.packet.protocol === IpProtocol.Udp;
  if (!isOnePacket) {
    path.connection = remember(path, server, template);
    if (path.connection === NO_CONNECTION) return refusing(path, Verdict.DropConnectionTableFull);
  }
  server.traffic.connections++;
  service.traffic.connections++;
  return server;
}

/** ip_vs_leave(): an FTP service without servers answers for its own port, not for those of data connections. */
function withoutTemplate(path: Path, { address }: VirtualService): undefined {
  const isFtpData = 'port' in address && address.port === FTP_PORT && path.packet.virtualPort !== FTP_PORT;
  if (isFtpData && path.refusal === Verdict.ReplyPortUnreachable) path.refusal = Verdict.DeliverUnscheduled;
  return undefined;
}

export function refusing(path: Path, reason: Verdict): undefined {
  path.refusal = reason;
  return undefined;
}

/** What is for no service is for the host to judge: a real server's answer to a check comes from the virtual address. */
const martianVerdict = ({ services, packet }: Path): Verdict =>
  services.match(packet) === undefined ? Verdict.PassNotVirtual : Verdict.DropMartianSource;

/** Of an ICMP error the sender counts: forward.ts, hasMartianSender(). */
function hasMartianSource({ packet, ownAddresses }: Path): boolean {
  if (packet.isIcmpError) return false;
  const { client0, client1, client2, client3 } = packet;
  if (packet.ipVersion === 6) return isInvalidIpv6Source(client0, client1, client2, client3);
  return isInvalidIpv4Source(client0) || ownAddresses.has(client0);
}

/** Not a data connection of an FTP service that is not persistent. */
export const takesPort = ({ address, options }: VirtualService, { virtualPort }: Packet): boolean =>
  options.persistentSec > 0 || 'fwmark' in address || address.port === virtualPort;

/** The packet ends before what its protocol's handler reads; of one inside an ICMP error the ports suffice. */
function isTransportTruncated(packet: Packet): boolean {
  if (packet.isIcmpError) return false;
  if (packet.protocol === IpProtocol.Tcp) return packet.tcpFlags === NOT_PRESENT;
  if (packet.protocol === IpProtocol.Sctp) return packet.sctpChunk === NOT_PRESENT;
  return packet.transportOffset + UDP_HEADER_BYTES > packet.ipEnd;
}

/** A SYN, an SCTP INIT; sloppy_tcp and sloppy_sctp widen it. */
export const isOpening = (packet: Packet): boolean =>
  packet.protocol === IpProtocol.Tcp
    ? packet.tcpFlags !== NOT_PRESENT && (packet.tcpFlags & TcpFlag.Syn) !== 0
    : packet.protocol === IpProtocol.Sctp && packet.sctpChunk === SctpChunk.Init;

function mayOpen({ packet, settings }: Path): boolean {
  if (packet.isIcmpError || packet.protocol === IpProtocol.Udp || isOpening(packet)) {
    return packet.protocol !== IpProtocol.Tcp || packet.isIcmpError || (packet.tcpFlags & TcpFlag.Rst) === 0;
  }
  if (packet.protocol === IpProtocol.Sctp)
    return settings.sloppy_sctp !== 0 && packet.sctpChunk !== SctpChunk.Abort;
  return settings.sloppy_tcp !== 0 && (packet.tcpFlags & TcpFlag.Rst) === 0;
}
