/** A Draft whose options are legal becomes a Command; here what depends on several options is checked. */
import type { Edit, ServerOptions, ServiceAddress, ServiceOptions, SyncDaemon } from '../../service/model.ts';
import type { Command, ListView } from './command.ts';
import { DEFAULT_SCHEDULER, type Draft } from './draft.ts';
import { UsageError } from './errors.ts';
import { checkTunnelLegality } from './legality.ts';
import type { CommandName, OptionName } from './option-table.ts';

const DEFAULT_MULTICAST_INTERFACE = 'eth0';

export function toCommand(command: CommandName, draft: Draft, schedulerFlags: number): Command {
  switch (command) {
    case 'list':
      return toListCommand(draft);
    case 'save':
      return { kind: 'save', numeric: draft.given.has('numeric') };
    case 'restore':
    case 'help':
    case 'version':
      return { kind: command };
    default:
      return { kind: 'edit', edit: toEdit(command, draft, schedulerFlags) };
  }
}

type EditCommand = Exclude<CommandName, 'list' | 'save' | 'restore' | 'help' | 'version'>;

function toEdit(command: EditCommand, draft: Draft, schedulerFlags: number): Edit {
  switch (command) {
    case 'add-service':
    case 'edit-service':
      checkService(draft);
      return { op: command, service: serviceAddress(draft), options: serviceOptions(draft, schedulerFlags) };
    case 'delete-service':
      return { op: command, service: serviceAddress(draft) };
    case 'flush':
      return { op: command };
    case 'add-server':
    case 'edit-server':
      checkServer(draft);
      return {
        op: command,
        service: serviceAddress(draft),
        server: { address: draft.server.address, port: serverPort(draft) },
        options: serverOptions(draft),
      };
    case 'delete-server':
      return {
        op: command,
        service: serviceAddress(draft),
        server: { address: draft.server.address, port: draft.server.port },
      };
    case 'zero':
      return { op: 'zero', ...(draft.given.has('service-address') && { service: serviceAddress(draft) }) };
    case 'set': {
      const [tcpSec, tcpFinSec, udpSec] = draft.timeoutsSec;
      return { op: 'set-timeouts', timeouts: { tcpSec, tcpFinSec, udpSec } };
    }
    case 'start-daemon':
      return { op: 'start-sync-daemon', daemon: syncDaemon(draft) };
    case 'stop-daemon':
      return { op: 'stop-sync-daemon', role: draft.role };
  }
}

function serviceAddress({ fwmark, family, protocol, address, port }: Draft): ServiceAddress {
  return fwmark === 0 ? { protocol: protocol!, address, port } : { fwmark, family };
}

function checkService(draft: Draft): void {
  if (draft.fwmark !== 0) return;
  if (draft.port === 0 && draft.persistentSec === 0) {
    throw new UsageError('Zero port specified for non-persistent service');
  }
  if (draft.onePacket && draft.protocol !== 'udp') {
    throw new UsageError('One-Packet Scheduling is only for UDP virtual services');
  }
}

function serviceOptions(draft: Draft, schedulerFlags: number): ServiceOptions {
  const { persistentSec, netmask, onePacket, persistenceEngine } = draft;
  const scheduler = draft.scheduler || DEFAULT_SCHEDULER;
  return { scheduler, schedulerFlags, persistentSec, netmask, onePacket, persistenceEngine };
}

const TUNNEL_OPTIONS: readonly OptionName[] = [
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
];

function checkServer(draft: Draft): void {
  const isTunnel = draft.forwarding === 'tunnel';
  if (draft.server.family !== draft.family && !isTunnel) {
    throw new UsageError('Different address family is allowed only for tunneling servers');
  }
  if (!isTunnel && TUNNEL_OPTIONS.some((name) => draft.given.has(name))) {
    throw new UsageError('Tunnel options conflict with forward method');
  }
  if (isTunnel) checkTunnelLegality(draft.tunnelType, draft.given);
}

/** Only masquerading changes ports: otherwise the service's, except with marks, where there is none. */
function serverPort({ fwmark, forwarding, port, server }: Draft): number {
  return fwmark === 0 && forwarding !== 'masquerade' ? port : server.port;
}

function serverOptions(draft: Draft): ServerOptions {
  const { forwarding, weight, upperThreshold, lowerThreshold } = draft;
  const tunnel = { type: draft.tunnelType, port: draft.tunnelPort, checksum: draft.tunnelChecksum };
  return { forwarding, weight, upperThreshold, lowerThreshold, tunnel };
}

/**
 * With the kernel's defaults (ip_vs_sync.c, start_sync_thread): ipvsadm leaves them to it, but the director starts
 * nothing that would need to choose. A message fills an Ethernet frame; a backup takes 1024 bytes at least.
 */
function syncDaemon(draft: Draft): SyncDaemon {
  const { role, multicastGroup } = draft;
  const headerBytes = multicastGroup.includes(':') ? 48 : 28;
  const minLengthBytes = role === 'backup' ? 1024 : 1;
  const maxLengthBytes = draft.syncMaxLengthBytes || 1500 - headerBytes;
  return {
    role,
    interface: draft.multicastInterface || DEFAULT_MULTICAST_INTERFACE,
    syncId: draft.syncId,
    maxLengthBytes: Math.min(Math.max(maxLengthBytes, minLengthBytes), 65535 - headerBytes),
    group: multicastGroup || '224.0.0.81',
    port: draft.multicastPort || 8848,
    ttl: draft.multicastTtl || 1,
  };
}

/** First match wins. */
const VIEWS = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const;

function toListCommand(draft: Draft): Command {
  const { given } = draft;
  const hasNumbers = given.has('stats') || given.has('rate') || given.has('thresholds');
  const isSetting = given.has('timeout') || given.has('daemon');
  if (((given.has('connection') || isSetting) && hasNumbers) || (isSetting && given.has('persistent-conn'))) {
    throw new UsageError('options conflicts in the list command');
  }
  const numeric = given.has('numeric');
  if (given.has('connection')) {
    return { kind: 'list-connections', numeric, engineColumns: given.has('persistent-conn') };
  }
  if (given.has('timeout')) return { kind: 'list-timeouts' };
  if (given.has('daemon')) return { kind: 'list-sync-daemons' };
  const view: ListView = VIEWS.find((name) => given.has(name)) ?? 'plain';
  return {
    kind: 'list-services',
    view,
    ...(given.has('service-address') && { service: serviceAddress(draft) }),
    numeric,
    exact: given.has('exact'),
    sorted: !given.has('nosort'),
  };
}
