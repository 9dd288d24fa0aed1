/** Step 2: the connection that the packet belongs to, and whether it stays its connection. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { SCTP_CLOSED } from '../connection/sctp-state.ts';
import { isHalfOpenTcpState, TcpState } from '../connection/tcp-state.ts';
import { stateTimeouts } from '../connection/timeouts.ts';
import type { ExplainedStep } from '../control/protocol.ts';
import { isOpening } from '../datapath/open-connection.ts';
import { MAX_SYNS, MIN_WAIT } from '../datapath/second-chance.ts';
import { Verdict } from '../datapath/verdict.ts';
import { endpointText } from '../service/configuration.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Attempt } from './attempt.ts';
import type { ConnectionExcerpt, ServerExcerpt } from './excerpt.ts';
import { clientEnd, counted, packetKind, protocolName, seconds, stateName, virtualEnd } from './words.ts';

export function findStep(attempt: Attempt): ExplainedStep {
  const { packet, excerpt } = attempt;
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'find', text, details });
  const version = packet.ipVersion;
  if (!excerpt.services.some(({ service }) => versionOf(service) === version))
    return step(`there is no IPv${version} service: the path looks no further`);
  if (packet.fragmentOffsetBytes > 0 && !packet.isOutgoing) return step(datagramText(attempt));
  if (!packet.hasPorts) return step('the packet ends before its ports: it is of no connection');
  if (attempt.verdict === Verdict.DropFirstSyn)
    return step('a SYN flood is on: a first SYN is dropped before its connection is looked for');
  const { connection } = excerpt;
  const ends = `${protocolName(packet.protocol)} from ${clientEnd(packet)} to ${virtualEnd(packet)}`;
  if (connection === null && packet.clientPort === 0)
    return step('a connection from port 0 is never found again, as in IPVS');
  if (connection === null) return step(`no connection of ${ends} is remembered`, ...icmpDetail(attempt));
  const server = serverOf(attempt, connection);
  const whose = server === undefined ? 'a server that is no more' : endpointText(server.address);
  if (!attempt.isFound)
    return step(`a connection of ${ends} to ${whose}, whose time is up: it ends now`, ...icmpDetail(attempt));
  const left = (connection.expires - excerpt.now) | 0;
  const text = `its connection goes to ${whose}: state ${stateName(connection.protocol, connection.state)}, lives ${seconds(left)} yet without a packet`;
  return step(text, ...templateDetail(connection), ...fateDetails(attempt, connection, server));
}

/** It was found, and yet a server is chosen anew. */
export const isReplaced = ({ isFound, isOpened, server, packet }: Attempt): boolean =>
  isFound && !packet.isIcmpError && !packet.isOutgoing && (isOpened || server === undefined);

/** By the second chance: nobody was asked whom, nor was there another reason. */
export const isMoved = (attempt: Attempt): boolean =>
  isReplaced(attempt) &&
  attempt.scheduled === null &&
  attempt.isOpened &&
  reasonToReplace(attempt) === undefined;

/** Why this packet is the first of another connection: forward.ts, isReplaced(). */
export function reasonToReplace(attempt: Attempt): string | undefined {
  const { packet, excerpt } = attempt;
  const { settings, connection } = excerpt;
  if (connection === null) return undefined;
  const server = serverOf(attempt, connection);
  const state = stateName(connection.protocol, connection.state);
  if (isOpening(packet)) {
    if (settings.failed_connections !== 0 && server?.options.failed === true)
      return `its server failed its checks, and failed_connections is ${settings.failed_connections}`;
    if (settings.expire_nodest_conn !== 0 && server !== undefined && weightOf(server) === 0)
      return 'its server has weight 0, and expire_nodest_conn is 1';
    if (isOver(attempt, connection))
      return `it is over (${state}), and conn_reuse_mode is ${settings.conn_reuse_mode}`;
  }
  if (settings.expire_nodest_conn !== 0 && server?.isListed !== true)
    return 'its server was taken out of the service, and expire_nodest_conn is 1';
  return undefined;
}

function isOver(
  { packet, excerpt }: Attempt,
  { state, template, hasSeenOutput }: ConnectionExcerpt,
): boolean {
  const mode = excerpt.settings.conn_reuse_mode;
  if (mode === 0 || template !== null) return false;
  if (packet.protocol === IpProtocol.Sctp) return state === SCTP_CLOSED;
  if (state === TcpState.TimeWait || state === TcpState.Close) return true;
  return (mode & 2) !== 0 && state === TcpState.FinWait && !hasSeenOutput;
}

function fateDetails(
  attempt: Attempt,
  connection: ConnectionExcerpt,
  server: ServerExcerpt | undefined,
): string[] {
  const { packet, excerpt, verdict } = attempt;
  const { settings } = excerpt;
  if (packet.isOutgoing) return ['this host answers as the real server'];
  if (packet.isIcmpError) return ['the error goes where the connection goes; its state and timer stay'];
  if (isMoved(attempt)) return secondChanceDetail(attempt, connection, server);
  if (isReplaced(attempt))
    return [
      `this ${packetKind(packet)} is the first packet of a new connection: ${reasonToReplace(attempt)}`,
    ];
  if (verdict === Verdict.DropServerRemoved)
    return [
      'its server was taken out of the service, and expire_nodest_conn is 0: packets of its connections are dropped',
    ];
  if (verdict === Verdict.ReplyReset)
    return [
      'its server failed its checks, and failed_connections is 2: the client gets a reset, and the connection ends',
    ];
  const stays =
    server?.options.failed === true
      ? [
          `its server failed its checks, but failed_connections is ${settings.failed_connections}: connections stay with it`,
        ]
      : [
          'the packet goes to the same server: the scheduler is not asked, whatever the loads and weights are now',
        ];
  return [...stays, ...reuseDetail(attempt, connection), ...secondChanceDetail(attempt, connection, server)];
}

/** Of an opening packet that opens nothing, since a client has used its port again. */
function reuseDetail({ packet, excerpt }: Attempt, { state, template }: ConnectionExcerpt): string[] {
  if (packet.protocol !== IpProtocol.Tcp || !isOpening(packet) || isHalfOpenTcpState(state)) return [];
  const mode = excerpt.settings.conn_reuse_mode;
  if (template !== null)
    return ['a SYN begins no new connection in the place of one that was made from a template'];
  return [
    `a SYN begins a new connection only where the one before is over: after TIME_WAIT or CLOSE with conn_reuse_mode 1, after FIN_WAIT too with 3; it is ${mode}`,
  ];
}

/** Of a SYN that is sent again: second-chance.ts, otherServerThatLives(). */
function secondChanceDetail(
  attempt: Attempt,
  connection: ConnectionExcerpt,
  server: ServerExcerpt | undefined,
): string[] {
  const { packet, excerpt, service } = attempt;
  if (packet.protocol !== IpProtocol.Tcp || !isOpening(packet) || server === undefined) return [];
  if (!isHalfOpenTcpState(connection.state) || connection.hasSeenOutput) return [];
  if (excerpt.settings.second_chance === 0) return ['no second chance: second_chance is 0'];
  if (connection.packets > MAX_SYNS)
    return [
      `no second chance: the client has sent ${connection.packets} packets already, more than ${MAX_SYNS}`,
    ];
  const since = (connection.expires - stateTimeouts(excerpt.timeouts).tcp[connection.state]!) | 0;
  const waited = (excerpt.now - since) | 0;
  if (waited < MIN_WAIT)
    return [
      `no second chance: the last SYN came ${seconds(waited)} ago, and a client waits at least ${MIN_WAIT / TICKS_PER_SECOND} s`,
    ];
  const lives = (each: ServerExcerpt) => each.lastAlive !== 0 && ((each.lastAlive - since) | 0) >= 0;
  if (lives(server))
    return [`no second chance: ${endpointText(server.address)} has completed a handshake since the last SYN`];
  if (isMoved(attempt))
    return [
      `second chance: the SYN is sent again after ${seconds(waited)}, ${endpointText(server.address)} has shown no life since, and another server of the service has`,
    ];
  const names =
    service === undefined
      ? 'there is no service'
      : 'no other server of the service that takes connections has completed a handshake since the last SYN';
  return [`no second chance: ${names}`];
}

function templateDetail({ template }: ConnectionExcerpt): string[] {
  if (template === null) return [];
  return [
    `it was made from a template of persistence, on which ${counted(template.dependents, 'connection')} depend${template.dependents === 1 ? 's' : ''}`,
  ];
}

function icmpDetail({ packet, excerpt }: Attempt): string[] {
  if (!packet.isIcmpError) return [];
  return excerpt.settings.schedule_icmp === 0
    ? ['schedule_icmp is 0: an error about no connection is left to this host']
    : ['schedule_icmp is 1: an error about no connection is scheduled like a first packet'];
}

function datagramText({ excerpt, server, packet, verdict }: Attempt): string {
  const { datagram } = excerpt;
  if (server !== undefined && datagram !== null)
    return `the first fragment of datagram ${packet.identification} went to ${endpointText(server.address)}, which is remembered for ${seconds((datagram.expires - excerpt.now) | 0)} yet`;
  const missing = `no first fragment of datagram ${packet.identification} is remembered`;
  return verdict === Verdict.PassWaiting ? `${missing}; the address is a virtual one` : missing;
}

const serverOf = ({ excerpt }: Attempt, { server }: ConnectionExcerpt): ServerExcerpt | undefined =>
  excerpt.servers.find(({ id }) => id === server);

export const weightOf = ({ options }: ServerExcerpt): number => options.weightInForce ?? options.weight;

const versionOf = (service: Attempt['excerpt']['services'][number]['service']): 4 | 6 => {
  if ('fwmark' in service) return service.family;
  return service.address.includes(':') ? 6 : 4;
};
