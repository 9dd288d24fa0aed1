/** The packet path without a network: frames of a capture go in, what it sends is handed to whoever listens. */
import { type CapturedFrame, MAX_CAPTURED_BYTES } from '../capture-file/captured-frame.ts';
import { TICKS_PER_SECOND, ticksFromMs } from '../clock.ts';
import { ExpirySweep } from '../datapath/expiry.ts';
import { forward } from '../datapath/forward.ts';
import { createPath, type Path } from '../datapath/path.ts';
import type { Verdict } from '../datapath/verdict.ts';
import { type Configuration, EMPTY_CONFIGURATION } from '../service/configuration.ts';
import { editsBetween } from '../service/difference.ts';
import { virtualAddressesOf } from '../service/read-counters.ts';
import { parseMac } from '../wire/address.ts';
import type { NextHop } from '../worker/messages.ts';
import { PathSession } from '../worker/session.ts';

/** The same at every run, so that its results are. */
const SEED = [0x6469_7265, 0x6374_6f72] as const;
/** The path takes time 0 for never. */
const FIRST_TICK = TICKS_PER_SECOND;
const MS_PER_SECOND = 1000;
/** A gap between frames is gone through in about so many steps at most, each of whole seconds. */
const STEPS_OF_GAP = 60;
const MTU_BYTES = 1500;
/** No packet is longer: RFC 791 §3.1, with a link header and two VLAN tags. */
const MAX_FILLED_BYTES = 65_535 + 22;

export interface OfflineOptions {
  readonly configuration: Configuration;
  readonly ownMac: string;
  readonly nextHops: readonly NextHop[];
  readonly connectionTableSize: number;
  /** What goes on the wire, until the call returns. The capture has only capturedBytes of it. */
  readonly onSent?: (frame: Uint8Array, capturedBytes: number) => void;
  /** Connections whose time is up by then are gone. Some seconds of a long gap between frames are left out. */
  readonly onSecond?: (elapsedMs: number) => void;
}

export class OfflinePath {
  readonly path: Path;
  readonly session: PathSession;
  /** Frames that were sent. */
  sentFrames = 0;
  private readonly sweep = new ExpirySweep();
  private readonly bytes = new Uint8Array(MAX_CAPTURED_BYTES);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly onSecond: OfflineOptions['onSecond'];
  private capturedBytes = 0;
  private nextSecondMs = MS_PER_SECOND;

  constructor(options: OfflineOptions) {
    const { configuration, ownMac, nextHops, connectionTableSize, onSent } = options;
    this.onSecond = options.onSecond;
    this.path = createPath({
      sink: {
        transmit: (frame, lengthBytes) => {
          this.sentFrames++;
          if (onSent !== undefined) {
            const captured = frame === this.view ? Math.min(lengthBytes, this.capturedBytes) : lengthBytes;
            onSent(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes), captured);
          }
          return true;
        },
        deliver: () => true,
      },
      ownMac: parseMac(ownMac)!,
      connectionTableSize,
      seed: SEED,
    });
    this.path.now = FIRST_TICK;
    this.session = new PathSession(this.path);
    this.session.setNextHops(nextHops);
    // As the daemon does with a file.
    this.session.edit(editsBetween(EMPTY_CONFIGURATION, configuration));
    const addresses = virtualAddressesOf(this.path.services.services, []);
    this.session.setHost({ interfaceUp: true, mac: ownMac, mtu: MTU_BYTES, addresses });
  }

  /** A frame that the capture cut has zeroes for what is missing. `elapsedMs`: since the first frame; never less than before. */
  handle({ data, originalLength }: CapturedFrame, elapsedMs: number): Verdict {
    this.advance(elapsedMs);
    const { bytes } = this;
    bytes.set(data);
    this.capturedBytes = data.length;
    let lengthBytes = data.length;
    if (originalLength > lengthBytes) {
      lengthBytes = Math.max(lengthBytes, Math.min(originalLength, MAX_FILLED_BYTES));
      bytes.fill(0, data.length, lengthBytes);
    }
    return forward(this.path, this.view, lengthBytes);
  }

  /** Does what is done once a second, also for the seconds that no frame came in. */
  advance(elapsedMs: number): void {
    while (this.nextSecondMs <= elapsedMs) {
      this.setTime(this.nextSecondMs);
      this.sweep.run(this.path, this.path.connections.highestEntry);
      this.session.everySecond();
      this.onSecond?.(this.nextSecondMs);
      const leftSec = Math.floor((elapsedMs - this.nextSecondMs) / MS_PER_SECOND);
      this.nextSecondMs += Math.max(1, Math.ceil(leftSec / STEPS_OF_GAP)) * MS_PER_SECOND;
    }
    this.setTime(elapsedMs);
  }

  private setTime(elapsedMs: number): void {
    this.path.now = (FIRST_TICK + ticksFromMs(elapsedMs)) | 0;
  }
}
