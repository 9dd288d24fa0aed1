/** Addresses as people write them; as endpointText() of src/service/configuration.ts, which brings too much along. */
import type { ServerAddress } from '../service/model.ts';

export const endpointText = ({ address, port }: ServerAddress): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

export const isSameServer = (a: ServerAddress, b: ServerAddress): boolean =>
  a.address === b.address && a.port === b.port;
