/** Step 3: the service that a first packet is for, and whether it may open a connection. */
import type { ExplainedStep } from '../control/protocol.ts';
import { isOpening, takesPort } from '../datapath/open-connection.ts';
import { Verdict } from '../datapath/verdict.ts';
import { serviceKey } from '../service/configuration.ts';
import { MarkRules, renderMarkRule } from '../service/mark-rule.ts';
import type { ServiceOptions } from '../service/model.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { IpProtocol, isInvalidIpv4Source } from '../wire/ipv4.ts';
import { isInvalidIpv6Source } from '../wire/ipv6.ts';
import { NOT_PRESENT } from '../wire/packet.ts';
import { TcpFlag } from '../wire/transport.ts';
import type { Attempt } from './attempt.ts';
import { isMoved, isReplaced } from './find-step.ts';
import { clientAddress, packetKind, protocolName, virtualAddress, virtualEnd } from './words.ts';

const FTP_PORT = 21;

/** Undefined: nobody was asked for a service. */
export function matchStep(attempt: Attempt): ExplainedStep | undefined {
  const { packet, excerpt, service, verdict } = attempt;
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'match', text, details });
  if (!asksForService(attempt)) return undefined;
  const wanted = `${protocolName(packet.protocol)} to ${virtualEnd(packet)}`;
  const martian = martianReason(attempt);
  if (martian !== undefined) {
    const forWhom =
      service === undefined ? 'no service is for it' : `it is for the service ${serviceKey(service.address)}`;
    return step(`${clientAddress(packet)} is ${martian}, and ${forWhom}`);
  }
  if (verdict === Verdict.DropTransportTruncated)
    return step(`the packet ends within its ${protocolName(packet.protocol)} header`);
  if (service === undefined) return step(`no service is for ${wanted}`, ...othersAt(attempt));
  const text = `${howMatched(attempt, service)}: ${optionWords(service.options)}`;
  const objection = objectionOf(attempt, service);
  if (objection !== undefined) return step(text, objection);
  if (verdict === Verdict.DropFirstSyn)
    return step(
      text,
      `more than ${excerpt.settings.syn_flood_rate} SYNs a second came that nobody followed up (syn_flood_rate): this one is remembered for 2 to 4 s, and goes its way if it comes again`,
    );
  if (excerpt.dropsFirst)
    return step(text, 'drop_packet is in force, and it is the turn of this first packet');
  if (verdict === Verdict.DeliverUnscheduled && packet.clientPort === FTP_PORT - 1)
    return step(text, 'nothing from port 20 opens a connection, as in IPVS');
  return step(text, openingWords(attempt));
}

export function asksForService(attempt: Attempt): boolean {
  const { packet, excerpt, isFound, verdict } = attempt;
  if (verdict === Verdict.DropFirstSyn) return true;
  if (packet.isOutgoing || packet.fragmentOffsetBytes > 0) return false;
  if (!excerpt.services.some(({ service }) => isOfVersion(service, packet.ipVersion))) return false;
  if (packet.isIcmpError) return !isFound && excerpt.settings.schedule_icmp !== 0;
  return !isFound || (isReplaced(attempt) && !isMoved(attempt));
}

const isOfVersion = (service: VirtualService['address'], version: number): boolean =>
  'fwmark' in service ? service.family === version : service.address.includes(':') === (version === 6);

/** Why nobody may send from this address; undefined: one may. An ICMP error has a sender of its own. */
function martianReason({ packet, excerpt }: Attempt): string | undefined {
  const { client0, client1, client2, client3, ipVersion, isIcmpError } = packet;
  if (isIcmpError) return undefined;
  if (ipVersion === 4 && excerpt.ownAddresses.includes(client0))
    return "one of this director's own addresses";
  const isInvalid =
    ipVersion === 4 ? isInvalidIpv4Source(client0) : isInvalidIpv6Source(client0, client1, client2, client3);
  return isInvalid ? 'an address that no host may send from' : undefined;
}

function howMatched({ packet, excerpt }: Attempt, { address }: VirtualService): string {
  const key = serviceKey(address);
  if ('fwmark' in address) {
    const rule = excerpt.marks.find((each) => new MarkRules([each]).markOf(packet) === address.fwmark);
    const why = rule === undefined ? '' : `, by the rule "${renderMarkRule(rule)}"`;
    return `the packet has firewall mark ${address.fwmark}${why}, so it is for the service ${key}`;
  }
  if (address.port === packet.virtualPort) return `it is for the service ${key}`;
  if (address.port === 0) return `no service has this port, so the one for all ports takes it, ${key}`;
  return `TCP to port 20, or from 1024 up, may be FTP data: it is for the service ${key}`;
}

function optionWords({ scheduler, persistentSec, onePacket }: ServiceOptions): string {
  const words = [`scheduler ${scheduler}`];
  if (persistentSec > 0) words.push(`persistent for ${persistentSec} s`);
  if (onePacket) words.push('one-packet scheduling');
  return words.join(', ');
}

/** Why the packet opens no connection of this service; undefined: it does. */
function objectionOf({ packet, excerpt }: Attempt, service: VirtualService): string | undefined {
  if (!takesPort(service, packet))
    return 'the service is not persistent, so it takes no FTP data connections: this host gets the packet';
  if (packet.isIcmpError || packet.protocol === IpProtocol.Udp) return undefined;
  const { settings } = excerpt;
  const kind = packetKind(packet);
  if (packet.protocol === IpProtocol.Tcp) {
    if (packet.tcpFlags !== NOT_PRESENT && (packet.tcpFlags & TcpFlag.Rst) !== 0)
      return 'a TCP RST opens no connection';
    if (isOpening(packet) || settings.sloppy_tcp !== 0) return undefined;
    return `${kind} opens no connection: only a SYN does (sloppy_tcp is 0). Its connection may have been idle for longer than its timeout, or be from before the datapath's start`;
  }
  if (isOpening(packet)) return undefined;
  if (settings.sloppy_sctp === 0) return `${kind} opens no connection: only an INIT does (sloppy_sctp is 0)`;
  return kind === 'SCTP ABORT' ? 'an SCTP ABORT opens no connection' : undefined;
}

function openingWords({ packet, excerpt }: Attempt): string {
  if (packet.isIcmpError) return 'schedule_icmp is 1: it may open a connection';
  if (packet.protocol === IpProtocol.Udp) return 'any UDP packet may open a connection';
  if (isOpening(packet)) return `${packetKind(packet)} opens a connection`;
  const name = packet.protocol === IpProtocol.Tcp ? 'sloppy_tcp' : 'sloppy_sctp';
  return `${packetKind(packet)} opens a connection, since ${name} is ${excerpt.settings[name]}`;
}

function othersAt({ packet, excerpt }: Attempt): string[] {
  const address = virtualAddress(packet);
  const others = excerpt.services
    .map(({ service }) => service)
    .filter((service) => 'fwmark' in service || service.address === address)
    .map(serviceKey);
  return others.length === 0
    ? [`no service has the address ${address}`]
    : [`services that could be meant: ${others.join(', ')}`];
}
