/** Which connections somebody looks for: by client, virtual address or server. */
import type { ConnectionFilter, ConnectionListing, EndpointFilter } from '../control/protocol.ts';
import type { ServerAddress } from '../service/model.ts';

/** Whether all that is given holds. Addresses in canonical text. */
export const matchesFilter = (listing: ConnectionListing, filter: ConnectionFilter): boolean =>
  matchesEnd(listing.client, filter.client) &&
  matchesEnd(listing.virtual, filter.virtual) &&
  matchesEnd(listing.server, filter.server);

const matchesEnd = ({ address, port }: ServerAddress, wanted: EndpointFilter | undefined): boolean =>
  wanted === undefined || (wanted.address === address && (wanted.port === undefined || wanted.port === port));
