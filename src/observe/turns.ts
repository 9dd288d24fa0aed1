/** Servers that began to take part, or no longer do, between two configurations. Pure. */
import { type Configuration, endpointText } from '../service/configuration.ts';
import type { ServerAddress, ServiceAddress } from '../service/model.ts';

export interface Turn {
  readonly service: ServiceAddress;
  readonly server: ServerAddress;
  readonly isDown: boolean;
}

/** Of servers that both have. */
export function turnsBetween(before: Configuration, after: Configuration): Turn[] {
  const turns: Turn[] = [];
  for (const [key, { service, servers }] of after.services) {
    const known = before.services.get(key)?.servers;
    if (known === undefined || known === servers) continue;
    const wasDown = new Map(
      known.map(({ server, options }) => [endpointText(server), options.failed === true]),
    );
    for (const { server, options } of servers) {
      const isDown = options.failed === true;
      const was = wasDown.get(endpointText(server));
      if (was !== undefined && was !== isDown) turns.push({ service, server, isDown });
    }
  }
  return turns;
}
