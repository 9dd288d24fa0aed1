/** What the book's director lists: counters as numbers, -Ln and -Lnc as text. */
import { renderIpv4Mask } from './addresses.ts';
import { type Book, Counter, type ListedConnection } from './book.ts';

const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

const named = (numbers: readonly number[]) =>
  Object.fromEntries(Object.entries(Counter).map(([name, index]) => [name, numbers[index]]));

/** In the form, and the order, of the report of counters. */
export function bookServices({ services }: Book): unknown {
  return Object.fromEntries(
    services.map(({ address, stats, servers }) => [
      'fwmark' in address
        ? `fwmark ${address.fwmark}${address.family === 6 ? ' IPv6' : ''}`
        : `${address.protocol} ${endpoint(address.address, address.port)}`,
      {
        traffic: named(stats.counts),
        rates: named(stats.rates()),
        servers: Object.fromEntries(
          servers.map((server) => [
            endpoint(server.address.address, server.address.port),
            {
              activeConnections: server.activeConnections,
              inactiveConnections: server.inactiveConnections,
              persistentConnections: server.persistentConnections,
              traffic: named(server.stats.counts),
              rates: named(server.stats.rates()),
            },
          ]),
        ),
      },
    ]),
  );
}

const FORWARDING = { 'direct-route': 'Route', tunnel: 'Tunnel', masquerade: 'Masq' } as const;
const SCHEDULER_FLAGS: Readonly<Record<string, string>> = {
  'sh 8': 'sh-fallback',
  'sh 16': 'sh-port',
  'sh 24': 'sh-fallback,sh-port',
  'mh 8': 'mh-fallback',
  'mh 16': 'mh-port',
  'mh 24': 'mh-fallback,mh-port',
};

/** ipvsadm -Ln without its title. */
export function renderBookServices({ services }: Book): string {
  let text = '';
  for (const { address, family, options, servers } of services) {
    const name =
      'fwmark' in address
        ? `FWM  ${address.fwmark}${family === 6 ? ' IPv6' : ''}`
        : `${address.protocol.toUpperCase().padEnd(4)} ${endpoint(address.address, address.port)}`;
    const flags = SCHEDULER_FLAGS[`${options.scheduler} ${options.schedulerFlags}`];
    const defaultMask = family === 6 ? 128 : 0xffffffff;
    const mask = family === 6 ? String(options.netmask) : renderIpv4Mask(options.netmask);
    text += `${name} ${options.scheduler}${flags === undefined ? '' : ` (${flags})`}`;
    if (options.persistentSec > 0) {
      text += ` persistent ${options.persistentSec}`;
      if (options.netmask !== defaultMask) text += ` mask ${mask}`;
    }
    text += `${options.onePacket ? ' ops' : ''}\n`;
    for (const server of servers) {
      const columns = [
        endpoint(server.address.address, server.address.port).padEnd(28),
        FORWARDING[server.options.forwarding].padEnd(7),
        String(server.weight).padEnd(6),
        String(server.activeConnections).padEnd(10),
        String(server.inactiveConnections).padEnd(10),
      ];
      text += `  -> ${columns.join(' ')}\n`;
    }
  }
  return text;
}

/** A line of ipvsadm -Lnc. */
export function renderBookConnection(connection: ListedConnection): string {
  const { protocol, state, expiresSec, client, clientPort, virtual, virtualPort } = connection;
  const clock = [Math.floor(expiresSec / 60), expiresSec % 60].map((part) => String(part).padStart(2, '0'));
  const columns = [
    protocol.toUpperCase().padEnd(3),
    clock.join(':').padEnd(6),
    state.padEnd(11),
    endpoint(client, clientPort).padEnd(18),
    endpoint(virtual, virtualPort).padEnd(18),
    endpoint(connection.server, connection.serverPort),
  ];
  return `${columns.join(' ')}\n`;
}
