/** What people configured: without what the daemon has laid over it (ServerHealth.inForce()). */
import type { Configuration, ConfiguredServer, ConfiguredService } from '../service/configuration.ts';
import type { ServerOptions } from '../service/model.ts';

export const asConfigured = (configuration: Configuration): Configuration => ({
  ...configuration,
  services: new Map([...configuration.services].map(([key, service]) => [key, configuredService(service)])),
});

export function configuredOptions({ failed, weightInForce, ...options }: ServerOptions): ServerOptions {
  return options;
}

const configuredService = (service: ConfiguredService): ConfiguredService => ({
  ...service,
  servers: service.servers.filter(({ options }) => options.sorry !== true).map(configuredServer),
});

const configuredServer = (server: ConfiguredServer): ConfiguredServer =>
  server.options.failed === undefined && server.options.weightInForce === undefined
    ? server
    : { server: server.server, options: configuredOptions(server.options) };
