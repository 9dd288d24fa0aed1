/** The MAC addresses of real servers, which no capture and no rules file has: given, or placeholders. */
import { DirectorError } from '../errors.ts';
import type { Configuration } from '../service/configuration.ts';
import { renderMac } from '../wire/address.ts';
import type { NextHop } from '../worker/messages.ts';

/** Locally administered, and nobody's. */
const PLACEHOLDER_HIGH = 0x0200;

export interface OfflineServer {
  readonly address: string;
  /** Null: this host itself is the server. */
  readonly mac: string | null;
  readonly isPlaceholder: boolean;
}

/** One for each address, in the order of the file. `given`: MAC addresses by server address. */
export function offlineServers(
  configuration: Configuration,
  given: ReadonlyMap<string, string>,
): OfflineServer[] {
  const services = [...configuration.services.values()];
  const addresses = new Set(
    services.flatMap(({ servers }) => servers.map(({ server }) => server.address).reverse()),
  );
  const unknown = [...given.keys()].find((address) => !addresses.has(address));
  if (unknown !== undefined)
    throw new DirectorError('SERVER_NOT_FOUND', `no service has the real server ${unknown} of --server-mac`, {
      address: unknown,
    });
  const virtual = new Set(services.flatMap(({ service }) => ('address' in service ? [service.address] : [])));
  const taken = new Set(given.values());
  let next = 0;
  const placeholder = (): string => {
    const mac = renderMac({ high: PLACEHOLDER_HIGH, low: ++next });
    return taken.has(mac) ? placeholder() : mac;
  };
  return [...addresses].map((address) => {
    const mac = given.get(address);
    if (mac !== undefined) return { address, mac, isPlaceholder: false };
    const isLocal = virtual.has(address) || address.startsWith('127.') || address === '::1';
    return isLocal
      ? { address, mac: null, isPlaceholder: false }
      : { address, mac: placeholder(), isPlaceholder: true };
  });
}

export const nextHopsOf = (servers: readonly OfflineServer[]): NextHop[] =>
  servers.map(({ address, mac }) => ({
    address,
    kind: mac === null ? 'local' : 'neighbor',
    mac,
    interface: null,
  }));
