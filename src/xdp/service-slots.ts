/** The index of services by address, or by firewall mark, as native/bpf/service.h searches it. */
import type { ServiceAddress } from '../service/model.ts';
import { PROTOCOL_NUMBERS } from '../service/protocol-numbers.ts';
import { parseIp } from '../wire/address.ts';
import { SERVICE_PROBES, SERVICE_SLOT } from './layout.ts';
import type { Memory } from './memory.ts';

/** What the index knows a service by. */
export interface Endpoint {
  readonly words: readonly [number, number, number, number];
  readonly port: number;
  readonly protocol: number;
  readonly version: 4 | 6;
}

export function endpointOf(address: ServiceAddress): Endpoint {
  if ('fwmark' in address)
    return { words: [address.fwmark | 0, 0, 0, 0], port: 0, protocol: 0, version: address.family };
  const ip = parseIp(address.address)!;
  return {
    words: ip.words,
    port: address.port,
    protocol: PROTOCOL_NUMBERS[address.protocol],
    version: ip.version,
  };
}

const { at } = SERVICE_SLOT;

export class ServiceSlots {
  private readonly memory: Memory;
  private readonly mask: number;

  constructor(memory: Memory) {
    this.memory = memory;
    this.mask = memory.count - 1;
  }

  hasPlaceFor(endpoint: Endpoint): boolean {
    return this.slotFor(endpoint) !== undefined;
  }

  /** The element of `services` that frames for the endpoint get from now on. False: no place near enough is free. */
  set(endpoint: Endpoint, element: number): boolean {
    const { memory } = this;
    const slot = this.slotFor(endpoint);
    if (slot === undefined) return false;
    if (memory.get8(slot, at.version) === 0 || memory.get32(slot, at.service) === 0)
      this.name(slot, endpoint);
    memory.set32(slot, at.service, element);
    return true;
  }

  private slotFor(endpoint: Endpoint): number | undefined {
    return this.find(endpoint) ?? this.firstFree(endpoint);
  }

  /** The slot keeps its name, so that searches go on past it, unless nothing is behind it. */
  remove(endpoint: Endpoint): void {
    const { memory, mask } = this;
    const found = this.find(endpoint);
    if (found === undefined) return;
    memory.set32(found, at.service, 0);
    const isNeverUsed = (slot: number) => memory.get8(slot, at.version) === 0;
    for (let slot = found; isNeverUsed((slot + 1) & mask); slot = (slot - 1) & mask) {
      if (isNeverUsed(slot) || memory.get32(slot, at.service) !== 0) return;
      memory.set8(slot, at.version, 0);
    }
  }

  /** 0: none. */
  get(endpoint: Endpoint): number {
    const slot = this.find(endpoint);
    return slot === undefined ? 0 : this.memory.get32(slot, at.service);
  }

  private *probes(endpoint: Endpoint): Generator<number> {
    const hash = hashEndpoint(endpoint);
    for (let probe = 0; probe < SERVICE_PROBES; probe++) yield (hash + probe) & this.mask;
  }

  private find(endpoint: Endpoint): number | undefined {
    for (const slot of this.probes(endpoint)) {
      if (this.memory.get8(slot, at.version) === 0) return undefined;
      if (this.isOf(slot, endpoint)) return slot;
    }
    return undefined;
  }

  private firstFree(endpoint: Endpoint): number | undefined {
    for (const slot of this.probes(endpoint)) if (this.memory.get32(slot, at.service) === 0) return slot;
    return undefined;
  }

  /** While a slot is renamed its service is 0; a search that meets it goes on. The version, which ends a search, comes last. */
  private name(slot: number, { words, port, protocol, version }: Endpoint): void {
    const { memory } = this;
    memory.setWords(slot, at.address, words);
    memory.set16(slot, at.port, port);
    memory.set8(slot, at.protocol, protocol);
    memory.set8(slot, at.version, version);
  }

  private isOf(slot: number, { words, port, protocol, version }: Endpoint): boolean {
    const { memory } = this;
    return (
      memory.get16(slot, at.port) === port &&
      memory.get8(slot, at.protocol) === protocol &&
      memory.get8(slot, at.version) === version &&
      memory.words(slot, at.address).every((word, index) => word === words[index])
    );
  }
}

/** hash_endpoint() of native/bpf/service.h. */
function hashEndpoint({ words, protocol, port }: Endpoint): number {
  let hash = Math.imul(words[0] ^ (words[3] << 7), 0x9e3779b1);
  hash ^= Math.imul(words[1] ^ (words[2] << 7), 0xc2b2ae3d);
  hash ^= Math.imul((port << 8) | protocol, 0x85ebca6b);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0xc2b2ae35) >>> 8;
}
