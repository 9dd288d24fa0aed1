/** The protocols that services have, as IP numbers them. */
import { IpProtocol } from '../wire/ipv4.ts';
import type { TransportProtocol } from './model.ts';

export const PROTOCOL_NUMBERS: Readonly<Record<TransportProtocol, number>> = {
  tcp: IpProtocol.Tcp,
  udp: IpProtocol.Udp,
  sctp: IpProtocol.Sctp,
};
