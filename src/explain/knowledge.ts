/** What the datapath does not know and the daemon does, for the words of an explanation. */
import type { ServerAddress, ServiceAddress } from '../service/model.ts';

export interface Knowledge {
  /** `file`: no datapath runs, the services are those of a file. */
  readonly datapath: 'pcap' | 'ring' | 'xdp' | 'file';
  /** Of the director's interface; empty with a file. */
  readonly interface: string;
  /** Of this host, in canonical text. */
  readonly ownAddresses: readonly string[];
  /** How the kernel reaches a server's address. */
  neighbor(address: string): { readonly state: string; readonly interface: string | null } | undefined;
  /** What checks and people said of a server. */
  health(
    service: ServiceAddress,
    server: ServerAddress,
  ): { readonly cause: string; readonly drained: boolean } | undefined;
}

export const KNOWS_A_FILE: Knowledge = {
  datapath: 'file',
  interface: '',
  ownAddresses: [],
  neighbor: () => undefined,
  health: () => undefined,
};
