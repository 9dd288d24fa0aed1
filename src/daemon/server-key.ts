/** Names one server of one service in maps: `tcp 172.26.20.110:80 -> 172.26.20.112:80`. */
import { endpointText } from '../service/configuration.ts';
import type { ServerAddress } from '../service/model.ts';

const SEPARATOR = ' -> ';

/** `service`: serviceKey(). */
export const serverKey = (service: string, server: ServerAddress): string =>
  `${service}${SEPARATOR}${endpointText(server)}`;

/** The service's and the server's name. */
export function partsOf(key: string): [service: string, server: string] {
  const at = key.indexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + SEPARATOR.length)];
}
