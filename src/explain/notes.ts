/** What somebody should know who looks for a fault in direct routing, beside the steps. */
import { Verdict } from '../datapath/verdict.ts';
import { DecodeResult } from '../wire/decode.ts';
import type { Attempt } from './attempt.ts';
import type { Knowledge } from './knowledge.ts';
import { clientAddress } from './words.ts';

const FORWARDED: ReadonlySet<number> = new Set([Verdict.Forward, Verdict.ForwardFragment]);
/** What the next pick depends on changes with every first packet. */
const TAKING_TURNS: ReadonlySet<string> = new Set(['rr', 'wrr']);

export function notesOf(attempt: Attempt, knowledge: Knowledge): string[] {
  return [
    ...senderNotes(attempt, knowledge),
    ...answerNotes(attempt),
    ...turnNotes(attempt, knowledge),
    ...datapathNotes(attempt, knowledge),
  ];
}

function answerNotes({ verdict, packet }: Attempt): string[] {
  if (!FORWARDED.has(verdict)) return [];
  return [
    `the answer goes straight from the server to ${clientAddress(packet)} and is not seen here: look for it on the server or on the client`,
  ];
}

/** Who has the virtual address itself asks itself. */
function senderNotes({ packet, decoded, excerpt, service }: Attempt, { ownAddresses }: Knowledge): string[] {
  if (decoded !== DecodeResult.Continue || packet.isIcmpError || packet.isOutgoing) return [];
  const client = clientAddress(packet);
  const isOwn4 = packet.ipVersion === 4 && excerpt.ownAddresses.includes(packet.client0);
  if (isOwn4 || ownAddresses.includes(client))
    return [
      `${client} is this director's own address: what it sends to the virtual address itself is answered by its own stack and never comes in by the interface. A test from the director does not work; try it from another machine`,
    ];
  const isServer = service?.listed.some(({ address }) => address.address === client) === true;
  if (!isServer) return [];
  return [
    `${client} is a real server of this service: it has the virtual address on its lo, so what it sends there it answers itself, and nothing of it comes here. A test from a real server does not work; try it from another machine`,
  ];
}

function turnNotes({ service, scheduled }: Attempt, { datapath }: Knowledge): string[] {
  if (scheduled === null || service === undefined || !TAKING_TURNS.has(service.options.scheduler)) return [];
  const cpus = datapath === 'xdp' ? ', and two processors at the same moment may share one' : '';
  return [`another first packet that comes before this one takes this turn${cpus}`];
}

function datapathNotes({ sent, verdict }: Attempt, { datapath }: Knowledge): string[] {
  if (datapath !== 'file') return [];
  const isPlaceholder = FORWARDED.has(verdict) && sent.length > 0;
  const mac = isPlaceholder
    ? '; which MAC addresses there are is not known, so those here are placeholders'
    : '';
  return [
    `worked out from the file alone: no connection is remembered, all servers are up and known, no scheduler has chosen yet${mac}`,
  ];
}
