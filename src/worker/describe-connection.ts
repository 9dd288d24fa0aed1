/** A connection of the path in words, as ipvsadm -Lnc lists it. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { NO_CONNECTION } from '../connection/connection-table.ts';
import { describe } from '../connection/describe.ts';
import type { ConnectionListing } from '../control/protocol.ts';
import type { Path } from '../datapath/path.ts';
import type { IpAddress } from '../wire/address.ts';

export function describeConnection({ connections, registry, now }: Path, entry: number): ConnectionListing {
  const version = connections.ipVersion(entry);
  const address = (word: (index: number) => number): IpAddress => ({
    version,
    words: [word(0), word(1), word(2), word(3)],
  });
  return describe({
    protocol: connections.protocol(entry),
    isTemplate: connections.isTemplate(entry),
    hasTemplate: connections.template(entry) !== NO_CONNECTION,
    state: connections.state(entry),
    expiresSec: Math.floor(((connections.expires(entry) - now) | 0) / TICKS_PER_SECOND),
    client: address((index) => connections.clientWord(entry, index)),
    virtual: address((index) => connections.virtualWord(entry, index)),
    clientPort: connections.clientPort(entry),
    virtualPort: connections.virtualPort(entry),
    server: registry.get(connections.serverOf(entry)),
  });
}
