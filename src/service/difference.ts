/** The edits that make one configuration into another: how a reload changes no more than what changed. */
import { isDeepStrictEqual } from 'node:util';
import { type Configuration, type ConfiguredService, endpointText } from './configuration.ts';
import type { Edit, SyncDaemon } from './model.ts';
import { SETTING_NAMES } from './settings.ts';

/**
 * Services and servers that are the same in both are not touched, so that their connections and places go on. What
 * goes does so before anything comes: on the way there is never more than in one of the two.
 */
export function editsBetween(from: Configuration, to: Configuration): Edit[] {
  const edits: Edit[] = [];
  for (const [key, before] of from.services) edits.push(...removals(before, to.services.get(key)));
  for (const [key, service] of to.services) edits.push(...serviceEdits(from.services.get(key), service));
  for (const name of SETTING_NAMES) {
    if (from.settings[name] !== to.settings[name]) edits.push({ op: 'set', name, value: to.settings[name] });
  }
  for (const { role } of from.syncDaemons.filter((daemon) => !hasSyncDaemon(to, daemon))) {
    edits.push({ op: 'stop-sync-daemon', role });
  }
  for (const daemon of to.syncDaemons.filter((daemon) => !hasSyncDaemon(from, daemon))) {
    edits.push({ op: 'start-sync-daemon', daemon });
  }
  if (!sameValue(from.marks, to.marks)) edits.push({ op: 'set-marks', rules: to.marks });
  if (!sameValue(from.timeouts, to.timeouts)) edits.push({ op: 'set-timeouts', timeouts: to.timeouts });
  return edits;
}

function removals({ service, servers }: ConfiguredService, to: ConfiguredService | undefined): Edit[] {
  if (to === undefined) return [{ op: 'delete-service', service }];
  if (servers === to.servers) return [];
  const after = new Set(to.servers.map(({ server }) => endpointText(server)));
  return servers
    .filter(({ server }) => !after.has(endpointText(server)))
    .map(({ server }) => ({ op: 'delete-server', service, server }));
}

function serviceEdits(from: ConfiguredService | undefined, to: ConfiguredService): Edit[] {
  if (from === to) return [];
  const { service, options } = to;
  const edits: Edit[] = [];
  if (from === undefined) edits.push({ op: 'add-service', service, options });
  else if (!sameValue(from.options, options)) edits.push({ op: 'edit-service', service, options });

  const before = new Map((from?.servers ?? []).map((server) => [endpointText(server.server), server]));
  // The newest comes first in the list, so the list is made from its end.
  for (const { server, options } of to.servers.toReversed()) {
    const existing = before.get(endpointText(server));
    if (existing === undefined) edits.push({ op: 'add-server', service, server, options });
    else if (!sameValue(existing.options, options))
      edits.push({ op: 'edit-server', service, server, options });
  }
  return edits;
}

const hasSyncDaemon = ({ syncDaemons }: Configuration, wanted: SyncDaemon): boolean =>
  syncDaemons.some((daemon) => sameValue(daemon, wanted));

/** Plain data, whatever the order of its keys: a file and diradm write them in different ones. */
export const sameValue = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b);
