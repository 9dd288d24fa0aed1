/** Who is at one end of a connection, as people write it. */
import { canonicalIp } from '../wire/address.ts';
import type { EndpointFilter } from './protocol.ts';

const MAX_PORT = 65535;

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`; undefined for anything else. */
export function parseEndpoint(text: string): EndpointFilter | undefined {
  const alone = canonicalIp(text);
  if (alone !== undefined) return { address: alone };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = canonicalIp(bracketed ?? plain ?? '');
  const port = Number(digits);
  const isIpv6 = address?.includes(':') === true;
  if (address === undefined || port > MAX_PORT || isIpv6 !== (bracketed !== undefined)) return undefined;
  return { address, port };
}

export const renderEndpoint = ({ address, port }: EndpointFilter): string => {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
};
