/**
 * Fragments: the first one of a datagram has the ports and is handled as any packet; what became of it holds for
 * those that follow. One that comes before the first waits for it. IPVS sees whole datagrams, which the kernel put
 * together and cuts again (semantics §1.1); here they are passed on as they come, all to one server.
 */
import { ticksFromSec } from '../clock.ts';
import { KeyKind, NO_CONNECTION } from '../connection/connection-table.ts';
import type { RealServer } from '../service/real-server.ts';
import type { Packet } from '../wire/packet.ts';
import type { Path } from './path.ts';

/** As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
const DATAGRAM_SEC = 30;
/** Datagrams whose server is remembered at most, then the oldest makes room: 5 MiB. */
export const MAX_DATAGRAMS = 65_536;

/** The packet is the first fragment of several, and goes to this server. */
export function rememberDatagram(path: Path, server: RealServer): void {
  const { datagrams, key } = path;
  setDatagramKey(key, path.packet);
  const known = datagrams.find(key);
  if (known !== NO_CONNECTION) datagrams.remove(known);
  else if (datagrams.isFull) datagrams.remove(oldest(path));
  datagrams.insert(key, server.id, path.now + ticksFromSec(DATAGRAM_SEC));
}

/** In a table that is full: they were remembered in the order of their numbers, and go in that order. */
function oldest(path: Path): number {
  path.oldestDatagram = (path.oldestDatagram % MAX_DATAGRAMS) + 1;
  return path.oldestDatagram;
}

/** The server of the datagram that a later fragment belongs to. */
export function serverOfFragment(path: Path): RealServer | undefined {
  const { datagrams, key } = path;
  setDatagramKey(key, path.packet);
  const known = datagrams.find(key);
  if (known === NO_CONNECTION || ((datagrams.expires(known) - path.now) | 0) <= 0) return undefined;
  return path.registry.get(datagrams.serverOf(known));
}

/** Forgets datagrams whose time is up; the table is small and seldom filled. */
export function sweepDatagrams({ datagrams, now }: Path): void {
  for (let entry = 1; entry <= datagrams.highestEntry; entry++) {
    if (datagrams.isLive(entry) && ((datagrams.expires(entry) - now) | 0) <= 0) datagrams.remove(entry);
  }
}

/** RFC 791 §3.2: source, destination, protocol and identification name a datagram. */
export function setDatagramKey(key: Packet, packet: Packet): void {
  key.ipVersion = packet.ipVersion;
  key.protocol = packet.protocol | KeyKind.Datagram;
  key.client0 = packet.client0;
  key.client1 = packet.client1;
  key.client2 = packet.client2;
  key.client3 = packet.client3;
  key.virtual0 = packet.virtual0;
  key.virtual1 = packet.virtual1;
  key.virtual2 = packet.virtual2;
  key.virtual3 = packet.virtual3;
  key.clientPort = packet.identification >>> 16;
  key.virtualPort = packet.identification & 0xffff;
}
