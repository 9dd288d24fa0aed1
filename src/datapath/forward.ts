/**
 * THE PACKET PATH. One frame at a time:
 *
 *   1. decode       what is in the frame (wire/decode.ts)
 *   2. find         the connection that it belongs to
 *   3. match        none: the virtual service that it is for (open-connection.ts)
 *   4. schedule     a real server for it
 *   5. remember     the choice as a connection (connection-life.ts)
 *   6. step         the connection's state, its timer, the counters
 *   7. send         rewritten to the server's MAC (direct-route.ts), or to this host
 *
 * Every frame ends with a Verdict. Nothing here throws, allocates, or waits. The order of the checks is that of
 * kernel IPVS (net/netfilter/ipvs/ip_vs_core.c, ip_vs_in_hook()), as recorded in test/oracle/recordings.
 * native/bpf/path.h has the same functions in the same order.
 */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { SCTP_CLOSED } from '../connection/sctp-state.ts';
import { TcpDirection, TcpState } from '../connection/tcp-state.ts';
import type { RealServer } from '../service/real-server.ts';
import { DecodeResult, decode } from '../wire/decode.ts';
import { IpProtocol, ipv4Word, isInvalidIpv4Source } from '../wire/ipv4.ts';
import { ipv6SourceWord, isInvalidIpv6Source } from '../wire/ipv6.ts';
import { NOT_PRESENT } from '../wire/packet.ts';
import { TcpFlag } from '../wire/transport.ts';
import { forget, isExpired, stepState } from './connection-life.ts';
import { rewriteDirectRoute } from './direct-route.ts';
import { rememberDatagram, serverOfFragment } from './fragments.ts';
import { replyPortUnreachable, replyTimeExceeded } from './icmp-reply.ts';
import { isFirstSyn, isOpening, openConnection, refusing } from './open-connection.ts';
import type { Path } from './path.ts';
import { moveConnection, otherServerThatLives } from './second-chance.ts';
import { replyReset } from './tcp-reset.ts';
import { Verdict } from './verdict.ts';

/** Handles the frame in the first lengthBytes of `frame`, which it rewrites in place. `path.now` is the time. */
export function forward(path: Path, frame: DataView, lengthBytes: number): Verdict {
  const verdict = handle(path, frame, lengthBytes);
  path.verdicts[verdict]!++;
  return verdict;
}

function handle(path: Path, frame: DataView, lengthBytes: number): Verdict {
  const { packet } = path;
  path.server = undefined;
  const decoded = decode(packet, frame, lengthBytes, path.ownMac);
  if (decoded === DecodeResult.PassArp) return checkArp(path);
  if (decoded !== DecodeResult.Continue) return decoded;
  if (!path.services.hasVersion(packet.ipVersion))
    return packet.isOutgoing ? Verdict.PassOwn : Verdict.PassNotVirtual;
  if (packet.isOutgoing) return followOwnReply(path);
  if (packet.fragmentOffsetBytes > 0) return forwardFragment(path, frame);
  if (path.synFlood.isOn && isFirstSyn(path)) return dropFirstSyn(path);

  // One from port 0 is remembered, and never found again: __ip_vs_conn_in_get().
  const found = packet.hasPorts && packet.clientPort !== 0 ? findConnection(path) : NO_CONNECTION;
  if (packet.isIcmpError) return forwardIcmpError(path, frame, found);
  if (found === NO_CONNECTION) return forwardOpened(path, frame, openConnection(path));
  const server = serverOf(path, found);
  path.server = server;
  if (isReplaced(path, found, server)) return forwardOpened(path, frame, openInPlaceOf(path, found));
  if (!server.isListed) return Verdict.DropServerRemoved;
  if (server.hasFailed && isReset(path)) return resetConnection(path, frame, found);
  const other = otherServerThatLives(path, found, server);
  if (other !== undefined) return forwardOpened(path, frame, moveConnection(path, found, other));
  path.connection = found;
  return forwardTo(path, frame, server);
}

function dropFirstSyn(path: Path): Verdict {
  refusing(path, Verdict.DropFirstSyn);
  return Verdict.DropFirstSyn;
}

/** A TCP segment that RST answers: RFC 9293 3.10.7.1. */
const isReset = ({ packet, settings }: Path): boolean =>
  settings.failed_connections === 2 &&
  packet.protocol === IpProtocol.Tcp &&
  packet.tcpFlags !== NOT_PRESENT &&
  !packet.moreFragments &&
  (packet.tcpFlags & TcpFlag.Rst) === 0;

function resetConnection(path: Path, frame: DataView, connection: number): Verdict {
  forget(path, connection);
  return replyReset(path, frame);
}

function forwardOpened(path: Path, frame: DataView, server: RealServer | undefined): Verdict {
  path.server = server;
  return server === undefined ? refuse(path, frame) : forwardTo(path, frame, server);
}

/** Places that a first packet takes: its connection and a template. */
const MAX_OPENED = 2;

/** While its successor is scheduled, a connection that is over still counts at its server. */
function openInPlaceOf(path: Path, over: number): RealServer | undefined {
  const makesRoomFirst = path.connections.free < MAX_OPENED;
  if (makesRoomFirst) forget(path, over);
  const server = openConnection(path);
  if (makesRoomFirst) return server;
  // If this host answers instead, with RST, that finds the connection still there, and leaves it in CLOSE for a while.
  const isHosts = server === undefined && path.refusal === Verdict.DeliverUnscheduled;
  if (isHosts) path.connections.setExpires(over, path.now);
  else forget(path, over);
  return server;
}

/** Counted, stepped and sent: a frame whose server is known. */
function forwardTo(path: Path, frame: DataView, server: RealServer): Verdict {
  countIn(path, server);
  if (path.connection !== NO_CONNECTION) stepState(path, path.connection, server, TcpDirection.Input);
  if (path.packet.moreFragments) return sendFirstFragment(path, frame, server);
  return send(path, frame, server, Verdict.Forward);
}

const serverOf = (path: Path, connection: number): RealServer =>
  path.registry.get(path.connections.serverOf(connection));

/** The packet's connection; one whose time is up is none. */
function findConnection(path: Path): number {
  const connection = path.connections.find(path.packet);
  if (connection === NO_CONNECTION || !isExpired(path, connection)) return connection;
  forget(path, connection);
  return NO_CONNECTION;
}

/** Its server was removed, or an opening packet on a connection that is over is the first of another one. */
const isReplaced = (path: Path, connection: number, server: RealServer): boolean =>
  isReused(path, connection, server) || (path.settings.expire_nodest_conn !== 0 && !server.isListed);

/** conn_reuse_mode, expire_nodest_conn for a server that is quiesced, failed_connections for one that failed. */
function isReused(path: Path, connection: number, server: RealServer): boolean {
  const { packet, connections, settings } = path;
  if (!isOpening(packet)) return false;
  if (settings.failed_connections !== 0 && server.hasFailed) return true;
  if (settings.expire_nodest_conn !== 0 && server.weight === 0) return true;
  if (settings.conn_reuse_mode === 0 || connections.template(connection) !== NO_CONNECTION) return false;
  const state = connections.state(connection);
  if (packet.protocol === IpProtocol.Sctp) return state === SCTP_CLOSED;
  if (state === TcpState.TimeWait || state === TcpState.Close) return true;
  const reusesFinWait = (settings.conn_reuse_mode & 2) !== 0 && state === TcpState.FinWait;
  return reusesFinWait && connections.hasFlag(connection, ConnectionFlag.NoOutput);
}

/** What becomes of a frame that got no connection. */
function refuse(path: Path, frame: DataView): Verdict {
  if (path.refusal === Verdict.ReplyPortUnreachable) return replyPortUnreachable(path, frame);
  if (path.refusal === Verdict.DeliverUnscheduled) return deliver(path, frame, Verdict.DeliverUnscheduled);
  return path.refusal;
}

/** The first fragment of several: those that follow go the same way, and those that wait for it may now. */
function sendFirstFragment(path: Path, frame: DataView, server: RealServer): Verdict {
  rememberDatagram(path, server);
  const verdict = send(path, frame, server, Verdict.Forward);
  while (!path.waiting.isEmpty) {
    const lengthBytes = path.waiting.take(path.packet, path.now, path.waited);
    if (lengthBytes === 0) break;
    path.verdicts[forwardWaited(path, lengthBytes)]!++;
  }
  return verdict;
}

/** One that waited. It is of this datagram, so that path.packet goes on to name it. */
function forwardWaited(path: Path, lengthBytes: number): Verdict {
  const decoded = decode(path.packet, path.waited, lengthBytes, path.ownMac);
  if (decoded !== DecodeResult.Continue) return decoded;
  const server = serverOfFragment(path);
  return server === undefined ? Verdict.PassFragment : sendFragment(path, path.waited, server);
}

/** A later fragment has no ports: it goes where the first one went, or waits for it. */
function forwardFragment(path: Path, frame: DataView): Verdict {
  const { packet } = path;
  const server = serverOfFragment(path);
  if (server === undefined) {
    if (!path.services.hasAddress(packet)) return Verdict.PassFragment;
    return path.waiting.add(packet, frame, packet.ipEnd, path.now)
      ? Verdict.PassWaiting
      : Verdict.PassFragment;
  }
  return sendFragment(path, frame, server);
}

function sendFragment(path: Path, frame: DataView, server: RealServer): Verdict {
  const { packet } = path;
  path.server = server;
  // This host had the fragment from the wire; only first ones, which have ports, are kept from it.
  if (server.reach.kind === 'local') return Verdict.PassFragment;
  if (server.isListed) server.countMoreBytes(packet.ipBytes);
  return send(path, frame, server, Verdict.ForwardFragment);
}

/** ip_vs_in_icmp(): goes where the connection goes that it is about, whatever its checksum; changes no state, no timer. */
function forwardIcmpError(path: Path, frame: DataView, found: number): Verdict {
  let server = found === NO_CONNECTION ? undefined : serverOf(path, found);
  if (server === undefined && path.settings.schedule_icmp !== 0) server = openConnection(path);
  if (server === undefined) return Verdict.PassIcmpUnrelated;
  path.server = server;
  if (hasMartianSender(path, frame)) return Verdict.DropMartianSource;
  countIn(path, server);
  if (server.reach.kind === 'local') return Verdict.PassIcmpLocal;
  return send(path, frame, server, Verdict.ForwardIcmpError);
}

/** Of an ICMP error, which may come from anywhere but from where nothing comes. */
function hasMartianSender({ packet, ownAddresses }: Path, frame: DataView): boolean {
  const { ipVersion, ipOffset } = packet;
  if (ipVersion === 4) {
    const sender = ipv4Word(frame, ipOffset, 3);
    return isInvalidIpv4Source(sender) || ownAddresses.has(sender);
  }
  return isInvalidIpv6Source(
    ipv6SourceWord(frame, ipOffset, 0),
    ipv6SourceWord(frame, ipOffset, 1),
    ipv6SourceWord(frame, ipOffset, 2),
    ipv6SourceWord(frame, ipOffset, 3),
  );
}

/** Another host that says it holds a virtual address takes its traffic away: the classic mistake. */
function checkArp({ packet, ownMac, services }: Path): Verdict {
  const isOwn = packet.arpSenderMacHigh === ownMac.high && packet.arpSenderMacLow === ownMac.low;
  return !isOwn && services.hasIpv4(packet.arpSenderIp) ? Verdict.PassArpConflict : Verdict.PassArp;
}

/** What this host answers as a real server shows the other half of the connection: ip_vs_out_hook(). */
function followOwnReply(path: Path): Verdict {
  const connection = path.packet.hasPorts ? path.connections.find(path.packet) : NO_CONNECTION;
  if (connection === NO_CONNECTION) return Verdict.PassOwn;
  const server = serverOf(path, connection);
  path.server = server;
  path.connections.clearFlag(connection, ConnectionFlag.NoOutput);
  countOut(path, server);
  stepState(path, connection, server, TcpDirection.Output);
  return Verdict.PassOwnReply;
}

/** ip_vs_in_stats(), ip_vs_out_stats(): a server that was removed counts no more. */
function countIn({ packet }: Path, server: RealServer): void {
  if (!server.isListed) return;
  server.traffic.countIn(packet.ipBytes);
  server.serviceTraffic.countIn(packet.ipBytes);
}

function countOut({ packet }: Path, server: RealServer): void {
  if (!server.isListed) return;
  server.traffic.countOut(packet.ipBytes);
  server.serviceTraffic.countOut(packet.ipBytes);
}

function send(path: Path, frame: DataView, server: RealServer, forwarded: Verdict): Verdict {
  const { packet } = path;
  const { reach } = server;
  if (reach.kind === 'local') return deliver(path, frame, Verdict.DeliverLocalServer);
  if (packet.ttl <= 1) return replyTimeExceeded(path, frame);
  if (reach.kind === 'unresolved') return Verdict.DropNoNeighbor;
  if (reach.kind === 'unreachable') return Verdict.DropServerUnreachable;
  rewriteDirectRoute(frame, packet, path.ownMac, reach.mac);
  return path.sink.transmit(frame, packet.ipEnd) ? forwarded : Verdict.DropTransmit;
}

const deliver = (path: Path, frame: DataView, delivered: Verdict): Verdict =>
  path.sink.deliver(frame, path.packet.ipOffset, path.packet.ipEnd) ? delivered : Verdict.DropDeliver;
