/** Kernel settings that are there for each interface and for all: Linux, Documentation/networking/ip-sysctl.rst. */
import { readFileSync } from 'node:fs';

export interface EffectiveSetting {
  readonly name: string;
  readonly interfaceName: string;
  readonly own: number;
  readonly all: number;
  /** Of the settings asked for here the larger of the two: linux/inetdevice.h, IN_DEV_MAXCONF. */
  readonly inForce: number;
}

export function readSetting(interfaceName: string, name: string): EffectiveSetting {
  const [own, all] = [read(interfaceName, name), read('all', name)];
  return { name, interfaceName, own, all, inForce: Math.max(own, all) };
}

const read = (interfaceName: string, name: string): number =>
  Number(readFileSync(`/proc/sys/net/ipv4/conf/${interfaceName}/${name}`, 'utf8'));

export const isForwarding = (): boolean =>
  readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1';
