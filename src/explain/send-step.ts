/** Steps 5 to 7: what is remembered, the state after the packet, and where it goes. */
import type { ExplainedStep } from '../control/protocol.ts';
import { Verdict, type Verdict as VerdictNumber, verdictNames } from '../datapath/verdict.ts';
import { endpointText } from '../service/configuration.ts';
import { renderMac } from '../wire/address.ts';
import { destinationMacHigh, destinationMacLow, sourceMacHigh, sourceMacLow } from '../wire/ethernet.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Attempt } from './attempt.ts';
import type { ServerExcerpt } from './excerpt.ts';
import { isReplaced } from './find-step.ts';
import type { Knowledge } from './knowledge.ts';
import { seconds, stateName } from './words.ts';

export function rememberSteps(attempt: Attempt): ExplainedStep[] {
  return [rememberStep(attempt), stateStep(attempt)].filter((step) => step !== undefined);
}

function rememberStep({
  isOpened,
  service,
  server,
  after,
  verdict,
  excerpt,
  packet,
}: Attempt): ExplainedStep | undefined {
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'remember', text, details });
  if (verdict === Verdict.DropConnectionTableFull)
    return step(
      'there is no room for a new connection, and nobody who could make some: see --conn-table-size',
    );
  if (!isOpened || service === undefined || server === undefined) return undefined;
  if (service.options.onePacket && packet.protocol === IpProtocol.Udp)
    return step('one-packet scheduling: nothing is remembered, the next packet is scheduled anew');
  const makes =
    excerpt.room.free === 0 ? ['the table is full: an older half-open connection makes room'] : [];
  const template = after?.hasTemplate === true ? ['it depends on the template of its client'] : [];
  return step(`a new connection to ${endpointText(server.address)}`, ...template, ...makes);
}

function stateStep(attempt: Attempt): ExplainedStep | undefined {
  const { after, excerpt, packet, isOpened } = attempt;
  if (after === null || packet.isIcmpError) return undefined;
  const before = isOpened || isReplaced(attempt) ? 0 : (excerpt.connection?.state ?? 0);
  const { protocol, state } = after;
  const change =
    protocol === IpProtocol.Udp
      ? 'UDP has no states'
      : `state ${stateName(protocol, before)} -> ${stateName(protocol, state)}`;
  const counts = `counts ${after.isActive ? 'active' : 'inactive'} at its server`;
  const timer = `lives ${seconds(after.left)} without a packet`;
  const secure =
    excerpt.isSecure && protocol === IpProtocol.Tcp
      ? ['secure_tcp is in force: the stricter states hold']
      : [];
  return { step: 'step', text: `${change}; ${timer}; ${counts}`, details: secure };
}

export function sendStep(attempt: Attempt, knowledge: Knowledge): ExplainedStep {
  const { verdict, server, sent, packet } = attempt;
  const step = (text: string, ...details: string[]): ExplainedStep => ({ step: 'send', text, details });
  const name = verdictNames.get(verdict)!;
  const [frame] = sent;
  if (frame !== undefined && isForwarded(verdict)) {
    const limit = packet.ipVersion === 4 ? 'TTL' : 'hop limit';
    return step(
      `to ${nameOf(server)}: destination MAC ${macAt(frame, 0)}, source MAC ${macAt(frame, 6)}, ${limit} ${packet.ttl} -> ${packet.ttl - 1}`,
      `addresses and ports stay as they are; it leaves by ${wayOut(server, knowledge)}`,
    );
  }
  if (verdict === Verdict.DeliverLocalServer)
    return step(`to ${nameOf(server)}, which is this host: into its own stack, as it came`);
  if (verdict === Verdict.DropNoNeighbor || verdict === Verdict.DropServerUnreachable)
    return step(`nothing is sent to ${nameOf(server)}`, ...reachDetail(server, knowledge));
  if (frame !== undefined) return step(`an answer goes back to the client, by MAC ${macAt(frame, 0)}`);
  return step(name.startsWith('Drop') ? 'nothing is sent' : 'nothing is sent: this host has the frame');
}

const isForwarded = (verdict: VerdictNumber): boolean =>
  verdict === Verdict.Forward || verdict === Verdict.ForwardIcmpError || verdict === Verdict.ForwardFragment;

function wayOut(
  server: ServerExcerpt | undefined,
  { datapath, interface: own, neighbor }: Knowledge,
): string {
  if (datapath === 'file') return 'the interface that it came in by';
  const other = server === undefined ? undefined : neighbor(server.address.address)?.interface;
  return other == null ? `${own}, where it came in` : other;
}

function reachDetail(server: ServerExcerpt | undefined, { neighbor }: Knowledge): string[] {
  if (server === undefined) return [];
  if (server.options.forwarding !== 'direct-route')
    return [
      `its forwarding method is ${server.options.forwarding}; the director does direct routing only (-g)`,
    ];
  const known = neighbor(server.address.address);
  return known === undefined ? [] : [`the kernel says of ${server.address.address}: ${known.state}`];
}

const nameOf = (server: ServerExcerpt | undefined): string =>
  server === undefined ? 'its server' : endpointText(server.address);

function macAt(frame: Uint8Array, offset: 0 | 6): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return offset === 0
    ? renderMac({ high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) })
    : renderMac({ high: sourceMacHigh(view, 0), low: sourceMacLow(view, 0) });
}
