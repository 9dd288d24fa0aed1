/** What the options of a command line said, between reading them (take-option.ts) and making sense of them (to-command.ts). */
import type { ForwardingMethod, SyncRole, TransportProtocol, TunnelOptions } from '../../service/model.ts';
import type { OptionName } from './option-table.ts';

export const DEFAULT_SCHEDULER = 'wlc';
const ANY_CLIENT_MASK = 0xffffffff;

/** What the options said, before it is known whether they make sense together. */
export interface Draft {
  readonly given: Set<OptionName>;
  /** Set by -t, -u and --sctp-service, and by -f, whose server ports are looked up as TCP's. */
  protocol?: TransportProtocol;
  family: 4 | 6;
  address: string;
  port: number;
  fwmark: number;
  server: { family: 4 | 6; address: string; port: number };
  scheduler: string;
  schedulerFlags: string;
  persistentSec: number;
  netmask: number;
  onePacket: boolean;
  persistenceEngine: string;
  forwarding: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: TunnelOptions['type'];
  tunnelPort: number;
  tunnelChecksum: TunnelOptions['checksum'];
  multicastInterface: string;
  syncId: number;
  multicastGroup: string;
  multicastPort: number;
  multicastTtl: number;
  syncMaxLengthBytes: number;
  role: SyncRole;
  timeoutsSec: readonly [number, number, number];
}

export function emptyDraft(): Draft {
  return {
    given: new Set(),
    family: 4,
    address: '0.0.0.0',
    port: 0,
    fwmark: 0,
    server: { family: 4, address: '0.0.0.0', port: 0 },
    scheduler: '',
    schedulerFlags: '',
    persistentSec: 0,
    netmask: ANY_CLIENT_MASK,
    onePacket: false,
    persistenceEngine: '',
    forwarding: 'direct-route',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: 'ipip',
    tunnelPort: 0,
    tunnelChecksum: 'none',
    multicastInterface: '',
    syncId: 0,
    multicastGroup: '',
    multicastPort: 0,
    multicastTtl: 0,
    syncMaxLengthBytes: 0,
    role: 'master',
    timeoutsSec: [0, 0, 0],
  };
}
