/** A connection in words, as ipvsadm -Lnc lists it, whatever table it is in. */
import type { ConnectionListing } from '../control/protocol.ts';
import type { RealServer } from '../service/real-server.ts';
import { type IpAddress, renderIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { SCTP_STATE_NAMES } from './sctp-state.ts';
import { TCP_STATE_NAMES } from './tcp-state.ts';
import { INVALIDATED_PORT, TEMPLATE_STATE_NAMES } from './template-state.ts';

export interface ConnectionView {
  readonly protocol: number;
  readonly isTemplate: boolean;
  /** It was made from a template. */
  readonly hasTemplate: boolean;
  readonly state: number;
  /** Negative for one whose time is up and that the sweep has not met yet. */
  readonly expiresSec: number;
  readonly client: IpAddress;
  readonly virtual: IpAddress;
  readonly clientPort: number;
  readonly virtualPort: number;
  readonly server: RealServer;
}

export function describe(view: ConnectionView): ConnectionListing {
  return {
    protocol: protocolName(view.protocol),
    state: stateName(view),
    expiresSec: view.expiresSec,
    client: { address: renderIp(view.client), port: view.clientPort },
    virtual: { address: renderIp(view.virtual), port: view.virtualPort },
    server: { address: view.server.address.address, port: serverPort(view) },
  };
}

function protocolName(protocol: number): ConnectionListing['protocol'] {
  if (protocol === IpProtocol.Tcp) return 'tcp';
  if (protocol === IpProtocol.Udp) return 'udp';
  return protocol === IpProtocol.Sctp ? 'sctp' : 'ip';
}

function stateName({ isTemplate, protocol, state }: ConnectionView): string {
  if (isTemplate) return TEMPLATE_STATE_NAMES[state]!;
  if (protocol === IpProtocol.Tcp) return TCP_STATE_NAMES[state]!;
  return protocol === IpProtocol.Sctp ? SCTP_STATE_NAMES[state]! : 'UDP';
}

/**
 * The port that IPVS records for the server (ip_vs_schedule(), ip_vs_sched_persist()): the server's own, where it has
 * one and the packet was for the service's port. Direct routing leaves the port of the packet as it is.
 */
function serverPort({ isTemplate, hasTemplate, virtualPort, server }: ConnectionView): number {
  const { service, address } = server;
  if (virtualPort === INVALIDATED_PORT && isTemplate) return INVALIDATED_PORT;
  const hasOwn = 'fwmark' in service ? !isTemplate && !hasTemplate : virtualPort === service.port;
  return hasOwn && address.port !== 0 ? address.port : virtualPort;
}
