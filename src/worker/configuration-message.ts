/** A configuration as it travels between daemon and datapath process, where a Map cannot, and back. */
import { type Configuration, serviceKey } from '../service/configuration.ts';
import type { ConfigurationMessage } from './messages.ts';

export const messageOf = (configuration: Configuration): ConfigurationMessage => ({
  ...configuration,
  services: [...configuration.services.values()],
});

export const configurationOf = (message: ConfigurationMessage): Configuration => ({
  ...message,
  services: new Map(message.services.map((service) => [serviceKey(service.service), service])),
});
