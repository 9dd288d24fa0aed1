/**
 * THE PACKET PATH. One frame at a time:
 *
 *   1. decode       what is in the frame (wire/decode.ts)
 *   2. find         the connection that it belongs to
 *   3. match        none: the virtual service that it is for
 *   4. schedule     a real server for it
 *   5. remember     the choice as a connection
 *   6. step         the connection's state, its timer, the counters
 *   7. send         rewritten to the server's MAC (direct-route.ts), or to this host
 *
 * Every frame ends with a Verdict. Nothing here throws, allocates, or waits. The order of the checks is that of
 * kernel IPVS (net/netfilter/ipvs/ip_vs_core.c, ip_vs_in_hook()), as recorded in test/oracle/recordings.
 * native/bpf/director.bpf.c will have the same functions in the same order.
 */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { SCTP_CLOSED } from '../connection/sctp-state.ts';
import { TcpDirection, TcpState } from '../connection/tcp-state.ts';
import type { RealServer } from '../service/real-server.ts';
import { DecodeResult, decode } from '../wire/decode.ts';
import { IpProtocol, isInvalidIpv4Source } from '../wire/ipv4.ts';
import { isInvalidIpv6Source } from '../wire/ipv6.ts';
import { NOT_PRESENT, type Packet } from '../wire/packet.ts';
import { SctpChunk, TcpFlag, UDP_HEADER_BYTES } from '../wire/transport.ts';
import { forget, remember, stepState } from './connection-life.ts';
import { rewriteDirectRoute } from './direct-route.ts';
import { icmpErrorIsIntact, replyPortUnreachable, replyTimeExceeded } from './icmp-reply.ts';
import type { Path } from './path.ts';
import { Verdict } from './verdict.ts';

const FTP_DATA_PORT = 20;

/** Handles the frame in the first lengthBytes of `frame`, which it rewrites in place. `path.now` is the time. */
export function forward(path: Path, frame: DataView, lengthBytes: number): Verdict {
  const verdict = handle(path, frame, lengthBytes);
  path.verdicts[verdict]!++;
  return verdict;
}

function handle(path: Path, frame: DataView, lengthBytes: number): Verdict {
  const { packet } = path;
  const decoded = decode(packet, frame, lengthBytes, path.ownMac);
  if (decoded === DecodeResult.PassArp) return checkArp(path);
  if (decoded !== DecodeResult.Continue) return decoded;
  if (packet.isOutgoing) return followOwnReply(path);
  if (packet.fragmentOffsetBytes > 0) return Verdict.PassFragment;

  let connection = packet.hasPorts ? findConnection(path) : NO_CONNECTION;
  if (packet.isIcmpError) return forwardIcmpError(path, frame, connection);
  if (connection !== NO_CONNECTION && mustEndFirst(path, connection)) {
    forget(path, connection);
    connection = NO_CONNECTION;
  }
  if (connection !== NO_CONNECTION && !serverOf(path, connection).isListed) {
    if (path.settings.expire_nodest_conn === 0) return Verdict.DropServerRemoved;
    forget(path, connection);
    connection = NO_CONNECTION;
  }
  if (connection === NO_CONNECTION) connection = openConnection(path);
  if (connection === NO_CONNECTION) return refuse(path, frame);

  const server = serverOf(path, connection);
  countIn(path, server);
  stepState(path, connection, server, TcpDirection.Input);
  return send(path, frame, server, Verdict.Forward);
}

const serverOf = (path: Path, connection: number): RealServer =>
  path.registry.get(path.connections.serverOf(connection));

/** The packet's connection; one whose time is up is none. */
function findConnection(path: Path): number {
  const connection = path.connections.find(path.packet);
  if (connection === NO_CONNECTION) return NO_CONNECTION;
  if (((path.connections.expires(connection) - path.now) | 0) > 0) return connection;
  forget(path, connection);
  return NO_CONNECTION;
}

const opensConnection = (packet: Packet): boolean =>
  packet.protocol === IpProtocol.Tcp
    ? packet.tcpFlags !== NOT_PRESENT && (packet.tcpFlags & TcpFlag.Syn) !== 0
    : packet.protocol === IpProtocol.Sctp && packet.sctpChunk === SctpChunk.Init;

/** An opening packet on a connection that is over is the first of another one (conn_reuse_mode). */
function mustEndFirst(path: Path, connection: number): boolean {
  const { packet, connections, settings } = path;
  if (!opensConnection(packet)) return false;
  const isQuiesced = path.registry.get(connections.serverOf(connection)).weight === 0;
  if (settings.expire_nodest_conn !== 0 && isQuiesced) return true;
  if (settings.conn_reuse_mode === 0) return false;
  const state = connections.state(connection);
  if (packet.protocol === IpProtocol.Sctp) return state === SCTP_CLOSED;
  if (state === TcpState.TimeWait || state === TcpState.Close) return true;
  const reusesFinWait = (settings.conn_reuse_mode & 2) !== 0 && state === TcpState.FinWait;
  return reusesFinWait && connections.hasFlag(connection, ConnectionFlag.NoOutput);
}

/**
 * The connection of a first packet, or NO_CONNECTION and the reason in path.refusal.
 * tcp_conn_schedule(), udp_conn_schedule(), sctp_conn_schedule(), ip_vs_schedule().
 */
function openConnection(path: Path): number {
  const { packet } = path;
  if (hasMartianSource(path)) return refusing(path, Verdict.DropMartianSource);
  if (isTransportTruncated(packet)) return refusing(path, Verdict.DropTransportTruncated);
  const service = path.services.match(packet);
  if (service === undefined) return refusing(path, Verdict.PassNotVirtual);
  if (!mayOpen(path) || packet.clientPort === FTP_DATA_PORT)
    return refusing(path, Verdict.DeliverUnscheduled);
  const server = service.scheduler?.choose(service, packet, path.now);
  if (server === undefined) return refusing(path, Verdict.ReplyPortUnreachable);
  const connection = remember(path, service, server);
  return connection === NO_CONNECTION ? refusing(path, Verdict.DropConnectionTableFull) : connection;
}

function refusing(path: Path, reason: Verdict): number {
  path.refusal = reason;
  return NO_CONNECTION;
}

/** What becomes of a frame that got no connection. */
function refuse(path: Path, frame: DataView): Verdict {
  if (path.refusal === Verdict.ReplyPortUnreachable) return replyPortUnreachable(path, frame);
  if (path.refusal === Verdict.DeliverUnscheduled) return deliver(path, frame, Verdict.DeliverUnscheduled);
  return path.refusal;
}

function hasMartianSource({ packet, ownAddresses }: Path): boolean {
  if (packet.isIcmpError) return false;
  const { client0, client1, client2, client3 } = packet;
  if (packet.ipVersion === 6) return isInvalidIpv6Source(client0, client1, client2, client3);
  return isInvalidIpv4Source(client0) || ownAddresses.has(client0);
}

/** The packet ends before what its protocol's handler reads; of one inside an ICMP error the ports suffice. */
function isTransportTruncated(packet: Packet): boolean {
  if (packet.isIcmpError) return false;
  if (packet.protocol === IpProtocol.Tcp) return packet.tcpFlags === NOT_PRESENT;
  if (packet.protocol === IpProtocol.Sctp) return packet.sctpChunk === NOT_PRESENT;
  return packet.transportOffset + UDP_HEADER_BYTES > packet.ipEnd;
}

function mayOpen({ packet, settings }: Path): boolean {
  if (packet.isIcmpError || packet.protocol === IpProtocol.Udp) return true;
  if (packet.protocol === IpProtocol.Sctp) {
    return (
      packet.sctpChunk === SctpChunk.Init ||
      (settings.sloppy_sctp !== 0 && packet.sctpChunk !== SctpChunk.Abort)
    );
  }
  if ((packet.tcpFlags & TcpFlag.Rst) !== 0) return false;
  return (packet.tcpFlags & TcpFlag.Syn) !== 0 || settings.sloppy_tcp !== 0;
}

/** ip_vs_in_icmp(): goes where the connection goes that it is about; changes neither state nor timer. */
function forwardIcmpError(path: Path, frame: DataView, found: number): Verdict {
  const { packet } = path;
  let connection = found;
  if (connection === NO_CONNECTION && path.settings.schedule_icmp !== 0) connection = openConnection(path);
  if (connection === NO_CONNECTION) return Verdict.PassIcmpUnrelated;
  if (!icmpErrorIsIntact(packet, frame)) return Verdict.DropIcmpChecksum;
  const server = serverOf(path, connection);
  if (server.reach.kind === 'local') return Verdict.PassIcmpLocal;
  countIn(path, server);
  return send(path, frame, server, Verdict.ForwardIcmpError);
}

/** Another host that says it holds a virtual address takes its traffic away: the classic mistake. */
function checkArp({ packet, ownMac, virtualAddresses }: Path): Verdict {
  const isOwn = packet.arpSenderMacHigh === ownMac.high && packet.arpSenderMacLow === ownMac.low;
  return !isOwn && virtualAddresses.has(packet.arpSenderIp) ? Verdict.PassArpConflict : Verdict.PassArp;
}

/** What this host answers as a real server shows the other half of the connection: ip_vs_out_hook(). */
function followOwnReply(path: Path): Verdict {
  const connection = path.packet.hasPorts ? findConnection(path) : NO_CONNECTION;
  if (connection === NO_CONNECTION) return Verdict.PassOwn;
  const server = serverOf(path, connection);
  if (server.reach.kind !== 'local') return Verdict.PassOwn;
  path.connections.clearFlag(connection, ConnectionFlag.NoOutput);
  server.traffic.countOut(path.packet.ipBytes);
  server.serviceTraffic.countOut(path.packet.ipBytes);
  stepState(path, connection, server, TcpDirection.Output);
  return Verdict.PassOwnReply;
}

/** ip_vs_in_stats(): a server that was removed counts no more. */
function countIn({ packet }: Path, server: RealServer): void {
  if (!server.isListed) return;
  server.traffic.countIn(packet.ipBytes);
  server.serviceTraffic.countIn(packet.ipBytes);
}

function send(path: Path, frame: DataView, server: RealServer, forwarded: Verdict): Verdict {
  const { packet } = path;
  const { reach } = server;
  if (reach.kind === 'local') return deliver(path, frame, Verdict.DeliverLocalServer);
  if (packet.ttl <= 1) return replyTimeExceeded(path, frame);
  if (reach.kind === 'unresolved') return Verdict.DropNoNeighbor;
  if (reach.kind === 'unreachable') return Verdict.DropServerUnreachable;
  rewriteDirectRoute(frame, packet, path.ownMac, reach);
  return path.sink.transmit(frame, packet.ipEnd) ? forwarded : Verdict.DropTransmit;
}

const deliver = (path: Path, frame: DataView, delivered: Verdict): Verdict =>
  path.sink.deliver(frame, path.packet.ipOffset, path.packet.ipEnd) ? delivered : Verdict.DropDeliver;
