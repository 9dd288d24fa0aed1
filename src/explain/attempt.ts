/** The frame on the scratch path: what the real forward() does with it, and what could be seen of that from outside. */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { isExpired } from '../datapath/connection-life.ts';
import { forward } from '../datapath/forward.ts';
import type { Path } from '../datapath/path.ts';
import { Verdict } from '../datapath/verdict.ts';
import { createScheduler } from '../schedule/registry.ts';
import { serviceKey } from '../service/configuration.ts';
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import type { MacAddress } from '../wire/address.ts';
import { type DecodeResult, decode } from '../wire/decode.ts';
import { destinationMacHigh, destinationMacLow, writeMacs } from '../wire/ethernet.ts';
import { Packet } from '../wire/packet.ts';
import type { Excerpt, ServerExcerpt } from './excerpt.ts';
import { type Scratch, scratchPath } from './scratch-path.ts';

export interface Attempt {
  readonly excerpt: Excerpt;
  readonly packet: Packet;
  readonly decoded: DecodeResult;
  /** The one that the packet is for. */
  readonly service: VirtualService | undefined;
  readonly verdict: Verdict;
  /** Frames that would leave. */
  readonly sent: readonly Uint8Array[];
  /** The packet's connection, before it came, was not one whose time is up. */
  readonly isFound: boolean;
  /** A connection was opened, or with one-packet scheduling admitted. */
  readonly isOpened: boolean;
  /** Whom the scheduler chose, and what it saw; null: it was not asked. */
  readonly scheduled: Scheduled | null;
  /** Whose the packet is; undefined: nobody's. */
  readonly server: ServerExcerpt | undefined;
  /** The packet's connection after it; null: none. */
  readonly after: ConnectionAfter | null;
}

export interface Scheduled {
  readonly chosen: RealServer | undefined;
  /** Those that it walked, in its order, as they were then. */
  readonly seen: readonly SeenServer[];
}

export interface SeenServer {
  readonly server: RealServer;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly isOverloaded: boolean;
}

export interface ConnectionAfter {
  readonly protocol: number;
  readonly state: number;
  /** Ticks. */
  readonly left: number;
  readonly isActive: boolean;
  readonly hasTemplate: boolean;
}

export function attempt(excerpt: Excerpt, frame: Uint8Array): Attempt {
  const packet = new Packet();
  const decoded = decode(packet, viewOf(frame), frame.length, excerpt.ownMac);
  const sent: Uint8Array[] = [];
  let scheduled: Scheduled | null = null;
  const sink = {
    transmit: (bytes: DataView, lengthBytes: number) => {
      sent.push(new Uint8Array(bytes.buffer, bytes.byteOffset, lengthBytes).slice());
      return true;
    },
    deliver: () => true,
  };
  const scratch = scratchPath(excerpt, packet, sink, (name, flags) =>
    overheard(createScheduler(name, flags), (said) => {
      scheduled = said;
    }),
  );
  const { path, connection } = scratch;
  const isFound = connection !== NO_CONNECTION && !isExpired(path, connection);
  const verdict = forward(path, viewOf(frame.slice()), frame.length);
  const service = matchedService(excerpt, path);
  const isOpened = (service?.traffic.connections ?? 0) > 0;
  const server = serverOf(scratch, excerpt, isOpened, isFound, verdict);
  if (sent[0] !== undefined && server?.sourceMac != null) setSource(sent[0], server.sourceMac);
  const after = path.connection === NO_CONNECTION ? null : readAfter(path);
  return { excerpt, packet, decoded, service, verdict, sent, isFound, isOpened, scheduled, server, after };
}

const viewOf = (frame: Uint8Array): DataView => new DataView(frame.buffer, frame.byteOffset, frame.length);

function overheard(
  scheduler: Scheduler | undefined,
  tell: (scheduled: Scheduled) => void,
): Scheduler | undefined {
  if (scheduler === undefined) return undefined;
  return {
    ...scheduler,
    choose(service, packet, now) {
      const seen = service.servers.map(
        (server): SeenServer => ({
          server,
          activeConnections: server.activeConnections,
          inactiveConnections: server.inactiveConnections,
          isOverloaded: server.isOverloaded,
        }),
      );
      const chosen = scheduler.choose(service, packet, now);
      tell({ chosen, seen });
      return chosen;
    },
  };
}

function matchedService({ matched }: Excerpt, { services }: Path): VirtualService | undefined {
  return [...services.services].find(({ address }) => serviceKey(address) === matched);
}

function serverOf(
  { path, servers }: Scratch,
  { servers: excerpts, connection, datagram, now }: Excerpt,
  isOpened: boolean,
  isFound: boolean,
  verdict: Verdict,
): ServerExcerpt | undefined {
  const byId = (id: number | undefined) => excerpts.find((each) => each.id === id);
  if (isOpened) return excerpts.find(({ id }) => servers.get(id)!.traffic.connections > 0);
  if (path.refusal !== Verdict.Continue) return undefined;
  if (isFound || verdict === Verdict.PassOwnReply) return byId(connection?.server);
  return datagram !== null && ((datagram.expires - now) | 0) > 0 ? byId(datagram.server) : undefined;
}

/** By the interface that leads to the server. */
function setSource(frame: Uint8Array, source: MacAddress): void {
  const view = viewOf(frame);
  const destination = { high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) };
  writeMacs(view, 0, destination, source);
}

function readAfter({ connections, connection, now }: Path): ConnectionAfter | null {
  if (!connections.isLive(connection)) return null;
  return {
    protocol: connections.protocol(connection),
    state: connections.state(connection),
    left: (connections.expires(connection) - now) | 0,
    isActive: !connections.hasFlag(connection, ConnectionFlag.Inactive),
    hasTemplate: connections.template(connection) !== NO_CONNECTION,
  };
}
