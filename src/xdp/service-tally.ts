/**
 * What the program has to know of all services together, counted as they come and go: without a service of its IP
 * version no packet is looked at, and without one for FTP, all ports or marks nobody looks for it.
 */
import type { VirtualService } from '../service/virtual-service.ts';
import { CONFIG } from './layout.ts';
import type { Memory } from './memory.ts';
import { endpointOf } from './service-slots.ts';

const FTP_PORT = 21;
const { at } = CONFIG;

export class ServiceTally {
  private readonly config: Memory;
  private readonly services = { 4: 0, 6: 0 };
  private readonly marked = { 4: 0, 6: 0 };
  private ftp = 0;
  private persistentFtp = 0;
  private persistentAnyPort = 0;
  private readonly addresses = new Map<string, number>();

  constructor(config: Memory) {
    this.config = config;
  }

  add(service: VirtualService): void {
    this.count(service, 1);
    this.write();
  }

  remove(service: VirtualService): void {
    this.count(service, -1);
    this.write();
  }

  /** No frame finds the one gone and the other not there yet. */
  replace(before: VirtualService, after: VirtualService): void {
    this.count(before, -1);
    this.count(after, 1);
    this.write();
  }

  /** Whether some service has this virtual address. */
  hasAddress(address: string): boolean {
    return (this.addresses.get(address) ?? 0) > 0;
  }

  private count({ address, options }: VirtualService, by: 1 | -1): void {
    const { version } = endpointOf(address);
    const isPersistent = options.persistentSec > 0;
    this.services[version] += by;
    if ('fwmark' in address) {
      this.marked[version] += by;
    } else {
      this.addresses.set(address.address, (this.addresses.get(address.address) ?? 0) + by);
      if (address.port === FTP_PORT) this.ftp += by;
      if (address.port === FTP_PORT && isPersistent) this.persistentFtp += by;
      if (address.port === 0 && isPersistent) this.persistentAnyPort += by;
    }
  }

  /** As ServiceIndex has it: an FTP service that is not persistent matters where it stands before one for all ports. */
  private write(): void {
    const { config } = this;
    const hasAnyPort = this.persistentAnyPort > 0;
    const hasFtp = this.persistentFtp > 0 || (this.ftp > 0 && hasAnyPort);
    config.set32(0, at.services4, this.services[4]);
    config.set32(0, at.services6, this.services[6]);
    config.set32(0, at.marked4, this.marked[4]);
    config.set32(0, at.marked6, this.marked[6]);
    config.set32(0, at.hasFtp, hasFtp ? 1 : 0);
    config.set32(0, at.hasAnyPort, hasAnyPort ? 1 : 0);
  }
}
