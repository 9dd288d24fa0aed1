/** Values of ipvsadm's options: text to numbers and addresses, by the rules of the C functions that it calls. */
import type { TransportProtocol } from '../../service/model.ts';
import { canonicalIp, renderIpv4 } from '../../wire/address.ts';
import type { Resolver } from './resolver.ts';

/** strtol(3), base 10, over the whole text: white space and a sign may lead. Undefined outside min..max. */
export function parseInteger(text: string, min: number, max: number): number | undefined {
  if (!/^[ \t\n\v\f\r]*[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text) + 0; // + 0: -0 becomes 0
  return value >= min && value <= max ? value : undefined;
}

/** atoi(3): the number at the beginning, 0 where there is none. */
export function parseLeadingInteger(text: string): number {
  return Number(/^[ \t\n\v\f\r]*([+-]?[0-9]+)/.exec(text)?.[1] ?? 0);
}

/**
 * inet_aton(3): one to four parts, decimal, octal (0…) or hexadecimal (0x…), the last one filling what is left;
 * what follows white space is ignored. Host order.
 */
export function parseInetAton(text: string): number | undefined {
  const parts = (text.split(/[ \t\n\v\f\r]/, 1)[0] ?? '').split('.').map(parseInetPart);
  const last = parts.pop();
  if (last === undefined || parts.length > 3) return undefined;
  let address = 0;
  for (const part of parts) {
    if (part === undefined || part > 255) return undefined;
    address = address * 256 + part;
  }
  const room = 256 ** (4 - parts.length);
  return last < room ? address * room + last : undefined;
}

function parseInetPart(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : undefined;
}

/** An IPv4 address in any form of inet_aton, or the first one of a host. Canonical text. */
export async function parseIpv4OrHost(text: string, resolver: Resolver): Promise<string | undefined> {
  const address = parseInetAton(text);
  if (address !== undefined) return renderIpv4(address);
  return text === '' ? undefined : resolver.hostAddress(text);
}

export interface Endpoint {
  readonly family: 4 | 6;
  /** Canonical. */
  readonly address: string;
  /** Undefined: the text has none. */
  readonly port: number | undefined;
}

/**
 * `address[:port]` of -t, -u, --sctp-service and -r. Service names of the port need the protocol. Undefined is
 * what ipvsadm calls illegal, [v6] without a port included.
 */
export async function parseEndpoint(
  text: string,
  protocol: TransportProtocol | undefined,
  resolver: Resolver,
): Promise<Endpoint | undefined> {
  if (/^[0-9]*$/.test(text)) return undefined;
  let host = text;
  let portText: string | undefined;
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    if (end < 0 || text.charAt(end + 1) !== ':') return undefined;
    host = text.slice(1, end);
    portText = text.slice(end + 2);
  }
  let family: 4 | 6 = 6;
  let address = host.includes(':') ? canonicalIp(host) : undefined;
  if (address === undefined) {
    // A port after brackets around something else is lost: [10.0.0.1]:80 has none.
    const colon = host.lastIndexOf(':');
    family = 4;
    address = await parseIpv4OrHost(colon < 0 ? host : host.slice(0, colon), resolver);
    portText = colon < 0 ? undefined : host.slice(colon + 1);
  }
  if (address === undefined) return undefined;
  if (portText === undefined) return { family, address, port: undefined };
  const port =
    parseInteger(portText, 0, 65535) ?? (protocol && resolver.servicePort(portText, protocol)) ?? undefined;
  return port === undefined ? undefined : { family, address, port };
}
