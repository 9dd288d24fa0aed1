/** Configuration in short words: `service('tcp 10.0.0.100:80', { scheduler: 'rr' })`. */
import type {
  Edit,
  ServerAddress,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  TransportProtocol,
} from '../../src/service/model.ts';

export const SERVICE_OPTIONS: ServiceOptions = {
  scheduler: 'rr',
  schedulerFlags: 0,
  persistentSec: 0,
  netmask: 0xffffffff,
  onePacket: false,
  persistenceEngine: '',
};

export const SERVER_OPTIONS: ServerOptions = {
  forwarding: 'direct-route',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
};

/** `tcp 10.0.0.100:80`, `udp [fd00::1]:53`, or `fwmark 7`. */
export function serviceAddress(text: string): ServiceAddress {
  const [kind = '', rest = ''] = text.split(' ');
  if (kind === 'fwmark') return { fwmark: Number(rest), family: text.endsWith('IPv6') ? 6 : 4 };
  return { protocol: kind as TransportProtocol, ...endpoint(rest) };
}

/** `10.0.0.11:80` or `[fd00::b]:80`. */
export function endpoint(text: string): ServerAddress {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

export const addService = (name: string, options: Partial<ServiceOptions> = {}): Edit => ({
  op: 'add-service',
  service: serviceAddress(name),
  options: { ...SERVICE_OPTIONS, ...options },
});

export const editService = (name: string, options: Partial<ServiceOptions> = {}): Edit => ({
  op: 'edit-service',
  service: serviceAddress(name),
  options: { ...SERVICE_OPTIONS, ...options },
});

export const deleteService = (name: string): Edit => ({
  op: 'delete-service',
  service: serviceAddress(name),
});

export const addServer = (name: string, server: string, options: Partial<ServerOptions> = {}): Edit => ({
  op: 'add-server',
  service: serviceAddress(name),
  server: endpoint(server),
  options: { ...SERVER_OPTIONS, ...options },
});

export const editServer = (name: string, server: string, options: Partial<ServerOptions> = {}): Edit => ({
  op: 'edit-server',
  service: serviceAddress(name),
  server: endpoint(server),
  options: { ...SERVER_OPTIONS, ...options },
});

export const deleteServer = (name: string, server: string): Edit => ({
  op: 'delete-server',
  service: serviceAddress(name),
  server: endpoint(server),
});
