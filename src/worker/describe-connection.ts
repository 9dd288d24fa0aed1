/** A connection in words, as ipvsadm -Lnc lists it. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { type ConnectionTable, NO_CONNECTION } from '../connection/connection-table.ts';
import { SCTP_STATE_NAMES } from '../connection/sctp-state.ts';
import { TCP_STATE_NAMES } from '../connection/tcp-state.ts';
import { INVALIDATED_PORT, TEMPLATE_STATE_NAMES } from '../connection/template-state.ts';
import type { ConnectionListing } from '../control/protocol.ts';
import type { Path } from '../datapath/path.ts';
import type { RealServer } from '../service/real-server.ts';
import { renderIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';

/** expiresSec is negative for one whose time is up and that the sweep has not met yet. */
export function describeConnection({ connections, registry, now }: Path, entry: number): ConnectionListing {
  const server = registry.get(connections.serverOf(entry));
  const clientWord = (index: number) => connections.clientWord(entry, index);
  const virtualWord = (index: number) => connections.virtualWord(entry, index);
  const version = connections.ipVersion(entry);
  const address = (word: (index: number) => number) =>
    renderIp({ version, words: [word(0), word(1), word(2), word(3)] });
  return {
    protocol: protocolName(connections.protocol(entry)),
    state: stateName(connections, entry),
    expiresSec: Math.floor(((connections.expires(entry) - now) | 0) / TICKS_PER_SECOND),
    client: { address: address(clientWord), port: connections.clientPort(entry) },
    virtual: { address: address(virtualWord), port: connections.virtualPort(entry) },
    server: { address: server.address.address, port: serverPort(connections, entry, server) },
  };
}

function protocolName(protocol: number): ConnectionListing['protocol'] {
  if (protocol === IpProtocol.Tcp) return 'tcp';
  if (protocol === IpProtocol.Udp) return 'udp';
  return protocol === IpProtocol.Sctp ? 'sctp' : 'ip';
}

function stateName(connections: ConnectionTable, entry: number): string {
  const state = connections.state(entry);
  if (connections.isTemplate(entry)) return TEMPLATE_STATE_NAMES[state]!;
  const protocol = connections.protocol(entry);
  if (protocol === IpProtocol.Tcp) return TCP_STATE_NAMES[state]!;
  return protocol === IpProtocol.Sctp ? SCTP_STATE_NAMES[state]! : 'UDP';
}

/**
 * The port that IPVS records for the server (ip_vs_schedule(), ip_vs_sched_persist()): the server's own, where it has
 * one and the packet was for the service's port. Direct routing leaves the port of the packet as it is.
 */
function serverPort(connections: ConnectionTable, entry: number, { service, address }: RealServer): number {
  const virtualPort = connections.virtualPort(entry);
  if (virtualPort === INVALIDATED_PORT && connections.isTemplate(entry)) return INVALIDATED_PORT;
  const hasOwn = 'fwmark' in service ? isScheduledByItself(connections, entry) : virtualPort === service.port;
  return hasOwn && address.port !== 0 ? address.port : virtualPort;
}

const isScheduledByItself = (connections: ConnectionTable, entry: number): boolean =>
  !connections.isTemplate(entry) && connections.template(entry) === NO_CONNECTION;
