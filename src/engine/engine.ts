/** What the packet path sends frames through, and what feeds it with frames. */
import type { MacAddress } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import type { Slice } from '../wire/slice.ts';

/** Where the packet path sends frames. Engines (pcap, ring, memory, …) implement it and feed forward(). */
export interface FrameSink {
  /** Puts the first lengthBytes of `frame` on the wire. False: the interface did not take it. */
  transmit(frame: DataView, lengthBytes: number): boolean;
  /** Hands the packet at ipOffset to this host's own stack, past the guard; it may overwrite what stands before ipOffset. False: it could not. */
  deliver(frame: DataView, ipOffset: number, lengthBytes: number): boolean;
}

/** Which frames an engine is to receive: those to these addresses or networks, and ARP about them. */
export interface Wanted {
  readonly ownMac: MacAddress;
  readonly addresses: readonly string[];
  /** Also what this host sends from them: it is a real server itself. */
  readonly ownReplies: boolean;
}

export interface EngineOptions {
  readonly interface: string;
  /** The end of the veth pair that leads into this host's own stack, and the MAC at its other end. */
  readonly delivery: { readonly interface: string; readonly mac: MacAddress };
  /** Of which clients it receives frames. */
  readonly slice: Slice;
  /** What the path decoded last. */
  readonly packet: Packet;
  /** Before the next frames, all of which have come by now. */
  readonly onWake: () => void;
  readonly onFrame: (frame: DataView, lengthBytes: number) => void;
  /** The interface did not take so many of those that transmit() was given. */
  readonly onRefused: (frames: number) => void;
}

/** Frames of one interface of the kernel's. */
export interface FrameEngine extends FrameSink {
  /** Of the interface. */
  mtuBytes: number;
  readonly isOpen: boolean;
  /** Receives from now on what is wanted, and loses nothing of what it received before, too. Throws why it cannot. */
  open(wanted: Wanted): void;
  close(): void;
  /** Frames that came faster than they were taken, since the engine began; null: nobody counts them. */
  readonly drops: number | null;
}
