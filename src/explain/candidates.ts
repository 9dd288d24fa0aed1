/** The servers of the service, as the scheduler saw them, and the scheduler's reason. */
import type { ExplainedServer } from '../control/protocol.ts';
import { serviceKey } from '../service/configuration.ts';
import type { ServerAddress } from '../service/model.ts';
import type { RealServer } from '../service/real-server.ts';
import type { Attempt, SeenServer } from './attempt.ts';
import type { ServerExcerpt } from './excerpt.ts';
import type { Knowledge } from './knowledge.ts';
import { type Reason, reasonOf } from './scheduler-reason.ts';

export function candidatesOf(attempt: Attempt, knowledge: Knowledge): ExplainedServer[] {
  const { service, scheduled, server, excerpt } = attempt;
  if (service === undefined) return [];
  const byAddress = new Map(excerpt.servers.map((each) => [each.address, each]));
  const seen = scheduled?.seen ?? service.servers.map((each) => seenFrom(byAddress, each));
  const values = reasonFor(attempt)?.values ?? [];
  const unseen = service.listed.filter(({ hasFailed }) => hasFailed).map((each) => seenFrom(byAddress, each));
  const isChosen = (each: RealServer) =>
    scheduled === null ? each.address === server?.address : each === scheduled.chosen;
  return [...seen, ...unseen].map((each, index) => ({
    server: each.server.address,
    weight: each.server.options.weight,
    weightInForce: each.server.weight,
    activeConnections: each.activeConnections,
    inactiveConnections: each.inactiveConnections,
    value: values[index] ?? null,
    chosen: isChosen(each.server),
    note: noteOf(each, service.address, knowledge),
  }));
}

/** Undefined: no scheduler was asked. */
export function reasonFor({ service, scheduled, excerpt, packet }: Attempt): Reason | undefined {
  if (service === undefined || scheduled === null) return undefined;
  const { scheduler, schedulerFlags } = service.options;
  const { place, memory } = excerpt.services.find((each) => serviceKey(each.service) === excerpt.matched)!;
  const byAddress = new Map(scheduled.seen.map(({ server }) => [server.address, server]));
  const remembered = (memory?.servers ?? []).flatMap((id) => {
    const found = excerpt.servers.find((each) => each.id === id);
    return (found && byAddress.get(found.address)) ?? [];
  });
  return reasonOf(scheduler, {
    ...scheduled,
    packet,
    flags: schedulerFlags,
    place: place ?? [],
    placeAfter: service.scheduler?.readPlace?.() ?? [],
    memory,
    remembered,
    now: excerpt.now,
  });
}

/** As it was before the packet. */
function seenFrom(excerpts: ReadonlyMap<ServerAddress, ServerExcerpt>, server: RealServer): SeenServer {
  const found = excerpts.get(server.address);
  return {
    server,
    activeConnections: found?.activeConnections ?? 0,
    inactiveConnections: found?.inactiveConnections ?? 0,
    isOverloaded: found?.isOverloaded ?? false,
  };
}

/** Why it takes no new connection, or fewer; empty: nothing is special. */
function noteOf(
  { server, isOverloaded }: SeenServer,
  service: RealServer['service'],
  knowledge: Knowledge,
): string {
  const { options, weight } = server;
  const said = knowledge.health(service, server.address);
  const notes: string[] = [];
  if (server.hasFailed) notes.push(`down: ${said?.cause || 'it failed its checks'}`);
  if (said?.drained === true) notes.push('drained');
  else if (options.weight === 0) notes.push('weight 0');
  else if (weight === 0) notes.push('weight 0 in force');
  else if (weight !== options.weight) notes.push('starts slowly');
  if (isOverloaded)
    notes.push(`at its upper threshold of ${server.upper}, until it has fewer than ${server.lower}`);
  if (options.sorry === true) notes.push('sorry server');
  return notes.join('; ');
}
