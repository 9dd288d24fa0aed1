/** How a service is looked after for which nobody has said how. */
import { DirectorError } from '../errors.ts';
import { type HealthPolicy, NO_POLICY } from '../health/policy.ts';
import { defaultCheck, needsPort, type ServiceCheck } from '../health/service-check.ts';
import { serviceKey } from '../service/configuration.ts';
import type { ServiceAddress } from '../service/model.ts';

/** Throws for a check that has no port to go to. */
export function requirePort(service: ServiceAddress, check: ServiceCheck | null): void {
  const port = check?.port ?? ('fwmark' in service ? 0 : service.port);
  if (check === null || !needsPort(check) || port !== 0) return;
  throw new DirectorError(
    'BAD_REQUEST',
    `${serviceKey(service)} has no port of its own: the check must name one (--port)`,
  );
}

/** For services that no configuration file names: ipvsadm's users expect nobody else to touch their weights. */
export function defaultPolicyOf(service: ServiceAddress, checks: 'tcp' | 'off'): HealthPolicy {
  if (checks === 'off') return NO_POLICY;
  const [protocol, port] = 'fwmark' in service ? [undefined, 0] : [service.protocol, service.port];
  return { ...NO_POLICY, check: defaultCheck(protocol, port) };
}
