/** Which virtual service, in ipvsadm's words: -t, -u, --sctp-service, -f, -6. */
import { type Command, InvalidArgumentError } from 'commander';
import { parseEndpoint } from '../../control/endpoint.ts';
import { DirectorError } from '../../errors.ts';
import type { ServiceAddress, TransportProtocol } from '../../service/model.ts';

const MAX_MARK = 0xffffffff;

export interface ServiceOption {
  readonly tcpService?: Endpoint;
  readonly udpService?: Endpoint;
  readonly sctpService?: Endpoint;
  readonly fwmarkService?: number;
  readonly ipv6?: boolean;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export const addServiceOptions = (command: Command): Command =>
  command
    .option('-t, --tcp-service <address>', 'TCP service, ADDRESS:PORT', endpoint)
    .option('-u, --udp-service <address>', 'UDP service, ADDRESS:PORT', endpoint)
    .option('--sctp-service <address>', 'SCTP service, ADDRESS:PORT', endpoint)
    .option('-f, --fwmark-service <mark>', 'service of a firewall mark', mark)
    .option('-6, --ipv6', 'with -f: of IPv6');

/** Undefined: none was named. */
export function serviceOf(options: ServiceOption): ServiceAddress | undefined {
  const named = [
    addressed('tcp', options.tcpService),
    addressed('udp', options.udpService),
    addressed('sctp', options.sctpService),
    options.fwmarkService === undefined
      ? undefined
      : { fwmark: options.fwmarkService, family: options.ipv6 === true ? (6 as const) : (4 as const) },
  ].filter((service) => service !== undefined);
  if (named.length > 1)
    throw new DirectorError('OUT_OF_RANGE', 'one service at a time: -t, -u, --sctp-service or -f');
  return named[0];
}

export function requiredServiceOf(options: ServiceOption): ServiceAddress {
  const service = serviceOf(options);
  if (service !== undefined) return service;
  throw new DirectorError('OUT_OF_RANGE', 'which service? name it with -t, -u, --sctp-service or -f');
}

const addressed = (protocol: TransportProtocol, at: Endpoint | undefined): ServiceAddress | undefined =>
  at === undefined ? undefined : { protocol, ...at };

/** ADDRESS:PORT, as commander wants it. */
export function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  if (parsed?.port !== undefined) return { address: parsed.address, port: parsed.port };
  throw new InvalidArgumentError('expected ADDRESS:PORT, such as 10.0.0.100:80 or [fd00::100]:80.');
}

function mark(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_MARK) return number;
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_MARK}.`);
}
