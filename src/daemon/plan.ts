/** What a file would change, service by service: what people are shown before they let it be carried out. */
import type { Change, PlannedService, PlannedServiceOptions, PlanReply } from '../control/protocol.ts';
import type { HealthPolicy } from '../health/policy.ts';
import { type Configuration, type ConfiguredService, endpointText } from '../service/configuration.ts';
import { sameValue } from '../service/difference.ts';
import type { ServiceAddress } from '../service/model.ts';
import { SETTING_NAMES } from '../service/settings.ts';
import { describeCheck } from './health-listing.ts';

/** What people configure, with the policy that holds for a service. */
export interface Intent {
  readonly configuration: Configuration;
  readonly policyOf: (service: ServiceAddress) => HealthPolicy;
}

export type Changes = Omit<PlanReply, 'token'>;

/** Both as configured: without what the daemon says of servers. */
export function changesBetween(from: Intent, to: Intent): Changes {
  const [before, after] = [from.configuration, to.configuration];
  const names = new Set([...before.services.keys(), ...after.services.keys()]);
  return {
    services: [...names].flatMap((name) => serviceChange(name, from, to)),
    settings: SETTING_NAMES.filter((name) => before.settings[name] !== after.settings[name]).map((name) => ({
      name,
      before: before.settings[name],
      after: after.settings[name],
    })),
    timeouts: change(before.timeouts, after.timeouts),
    marks: change(before.marks, after.marks),
    syncDaemons: change(before.syncDaemons, after.syncDaemons),
  };
}

const change = <T>(before: T, after: T): Change<T> | null =>
  sameValue(before, after) ? null : { before, after };

/** One or none. */
function serviceChange(name: string, from: Intent, to: Intent): PlannedService[] {
  const [before, after] = [from.configuration.services.get(name), to.configuration.services.get(name)];
  const { service } = (after ?? before)!;
  const options = change(optionsIn(before, from), optionsIn(after, to));
  const servers = serverChanges(before, after);
  return options === null && servers.length === 0 ? [] : [{ service, options, servers }];
}

function optionsIn(configured: ConfiguredService | undefined, { policyOf }: Intent) {
  if (configured === undefined) return null;
  const { check, sorry, slowStartSec } = policyOf(configured.service);
  const options: PlannedServiceOptions = {
    ...configured.options,
    check: check === null ? null : describeCheck(check),
    sorry: sorry?.address ?? null,
    slowStartSec,
  };
  return options;
}

/** In the order in which the servers were added, those that go first. */
function serverChanges(from: ConfiguredService | undefined, to: ConfiguredService | undefined) {
  const before = serversOf(from);
  const after = serversOf(to);
  return [...new Map([...before, ...after]).keys()].flatMap((name) => {
    const [old, next] = [before.get(name), after.get(name)];
    const changed = change(old?.options ?? null, next?.options ?? null);
    return changed === null ? [] : [{ server: (next ?? old)!.server, ...changed }];
  });
}

const serversOf = (service: ConfiguredService | undefined) =>
  new Map((service?.servers ?? []).toReversed().map((server) => [endpointText(server.server), server]));
