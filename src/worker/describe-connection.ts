/** A connection in words, as ipvsadm -Lnc lists it. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { SCTP_STATE_NAMES } from '../connection/sctp-state.ts';
import { TCP_STATE_NAMES } from '../connection/tcp-state.ts';
import { TEMPLATE_STATE_NAMES } from '../connection/template-state.ts';
import type { ConnectionListing } from '../control/protocol.ts';
import type { Path } from '../datapath/path.ts';
import { renderIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';

/** expiresSec is negative for one whose time is up and that the sweep has not met yet. */
export function describeConnection({ connections, registry, now }: Path, entry: number): ConnectionListing {
  const version = connections.ipVersion(entry);
  const protocol = connections.protocol(entry);
  const state = connections.state(entry);
  const { address: server } = registry.get(connections.serverOf(entry));
  const address = (word: (entry: number, index: number) => number) =>
    renderIp({ version, words: [word(entry, 0), word(entry, 1), word(entry, 2), word(entry, 3)] });
  const virtualPort = connections.virtualPort(entry);
  return {
    ...(connections.isTemplate(entry)
      ? { ...namesOf(protocol, 0), state: TEMPLATE_STATE_NAMES[state]! }
      : namesOf(protocol, state)),
    expiresSec: Math.floor(((connections.expires(entry) - now) | 0) / TICKS_PER_SECOND),
    client: {
      address: address((at, index) => connections.clientWord(at, index)),
      port: connections.clientPort(entry),
    },
    virtual: { address: address((at, index) => connections.virtualWord(at, index)), port: virtualPort },
    server: { address: server.address, port: virtualPort },
  };
}

function namesOf(protocol: number, state: number): Pick<ConnectionListing, 'protocol' | 'state'> {
  if (protocol === IpProtocol.Tcp) return { protocol: 'tcp', state: TCP_STATE_NAMES[state]! };
  if (protocol === IpProtocol.Sctp) return { protocol: 'sctp', state: SCTP_STATE_NAMES[state]! };
  return { protocol: 'udp', state: 'UDP' };
}
