/** `-L -c`: the connections, in the order in which they come. */
import type { ConnectionListing } from '../../control/protocol.ts';
import type { RenderEndpoint } from './endpoint-names.ts';

export function renderConnectionsTitle(engineColumns: boolean): string {
  const title = row('pro', 'expire', 'state', 'source', 'virtual', 'destination');
  const engine = engineColumns
    ? `${' '.repeat(18 - 'destination'.length)} ${'pe name'.padEnd(16)} pe_data`
    : '';
  return `IPVS connection entries\n${title}${engine}\n`;
}

export function renderConnection(connection: ConnectionListing, renderEndpoint: RenderEndpoint): string {
  const { protocol, state, expiresSec, client, virtual, server } = connection;
  const endpoint = (each: typeof client) => renderEndpoint(each, protocol);
  const addresses = [endpoint(client), endpoint(virtual), endpoint(server)] as const;
  return `${row(protocol.toUpperCase(), clockText(expiresSec), state, ...addresses)}\n`;
}

function row(
  protocol: string,
  expires: string,
  state: string,
  client: string,
  virtual: string,
  server: string,
) {
  return [
    protocol.padEnd(3),
    expires.padEnd(6),
    state.padEnd(11),
    client.padEnd(18),
    virtual.padEnd(18),
    server,
  ].join(' ');
}

/** Minutes and seconds; minutes may have more than two digits. */
function clockText(seconds: number): string {
  const whole = Math.max(0, Math.trunc(seconds));
  const twoDigits = (n: number) => String(n).padStart(2, '0');
  return `${twoDigits(Math.trunc(whole / 60))}:${twoDigits(whole % 60)}`;
}
