/**
 * Which MAC address is the director's, found in the capture: the one that frames for virtual addresses are addressed
 * to. What a director has sent on is in its capture too, addressed to the real servers: so one that such frames also
 * come from goes before one that only gets them.
 */
import { type CapturedFrame, MAX_CAPTURED_BYTES } from '../capture-file/captured-frame.ts';
import type { ServiceTable } from '../service/service-table.ts';
import { type MacAddress, renderMac } from '../wire/address.ts';
import { DecodeResult, decode } from '../wire/decode.ts';
import {
  destinationMacHigh,
  destinationMacLow,
  ETHERNET_HEADER_BYTES,
  sourceMacHigh,
  sourceMacLow,
} from '../wire/ethernet.ts';
import { Packet } from '../wire/packet.ts';

const GROUP_BIT = 0x0100;
/** Enough to tell; a frame for a virtual address is one of them. */
const ENOUGH_FRAMES = 256;
const ENOUGH_BYTES = 8 << 20;
/** What a frame takes besides its bytes while it waits. */
const FRAME_COST_BYTES = 256;

export interface FoundMac {
  readonly mac: string;
  /** Frames for virtual addresses that were addressed to it, of those that were looked at. */
  readonly frames: number;
}

export class OwnMacSearch {
  private readonly services: ServiceTable;
  private readonly packet = new Packet();
  private readonly bytes = new Uint8Array(MAX_CAPTURED_BYTES);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly received = new Map<string, number>();
  private readonly sent = new Set<string>();
  private lookedBytes = 0;
  private frames = 0;

  constructor(services: ServiceTable) {
    this.services = services;
  }

  get isDone(): boolean {
    return this.frames >= ENOUGH_FRAMES || this.lookedBytes >= ENOUGH_BYTES;
  }

  look({ data, originalLength }: CapturedFrame): void {
    this.lookedBytes += data.length + FRAME_COST_BYTES;
    const length = Math.min(Math.max(originalLength, data.length), MAX_CAPTURED_BYTES);
    if (data.length < ETHERNET_HEADER_BYTES) return;
    this.bytes.set(data);
    this.bytes.fill(0, data.length, length);
    const to: MacAddress = { high: destinationMacHigh(this.view, 0), low: destinationMacLow(this.view, 0) };
    if ((to.high & GROUP_BIT) !== 0) return;
    if (decode(this.packet, this.view, length, to) !== DecodeResult.Continue) return;
    if (!this.services.hasAddress(this.packet)) return;
    const mac = renderMac(to);
    this.frames++;
    this.received.set(mac, (this.received.get(mac) ?? 0) + 1);
    this.sent.add(renderMac({ high: sourceMacHigh(this.view, 0), low: sourceMacLow(this.view, 0) }));
  }

  /** Undefined: no frame was for a virtual address. */
  get found(): FoundMac | undefined {
    const [best] = [...this.received]
      .map(([mac, frames]) => ({ mac, frames, sends: this.sent.has(mac) ? 1 : 0 }))
      .sort((a, b) => b.sends - a.sends || b.frames - a.frames);
    return best && { mac: best.mac, frames: best.frames };
  }
}
