/**
 * One interface open by the cap package. What cap does not survive is kept away from it here: send() without open(), two
 * opens of one object, its own end.
 */
import cap from 'cap';

/** libpcap's snapshot length; also longer than any frame. */
export const FRAME_BUFFER_BYTES = 64 * 1024;
export const MIN_RING_BYTES = 1024 * 1024;

/**
 * Every Cap ever made. The addon leaves its poll handle with libuv: one that is collected as garbage, closed or never
 * opened, has libuv write to freed memory or abort (cap 0.2.1, src/binding.cc). They are few: one for each reopening.
 */
const keptForEver: object[] = [];

/** An interface that is open for sending, and for receiving what passes `filter`. */
export class OpenInterface {
  readonly buffer = Buffer.alloc(FRAME_BUFFER_BYTES);
  readonly view = new DataView(this.buffer.buffer, this.buffer.byteOffset, FRAME_BUFFER_BYTES);
  private readonly capture = new cap.Cap();
  private isOpen = false;

  constructor(name: string, filter: string, ringBytes: number, onFrame: (lengthBytes: number) => void) {
    keptForEver.push(this.capture);
    const linkType = this.capture.open(name, filter, ringBytes, this.buffer);
    this.isOpen = true;
    if (linkType !== 'ETHERNET') {
      this.close();
      throw new Error(
        `${name} has link type ${linkType}; direct routing rewrites MAC addresses and needs Ethernet`,
      );
    }
    this.capture.on('packet', onFrame);
  }

  /** `bytes` is this buffer or another one. */
  send(bytes: Buffer, lengthBytes: number): boolean {
    if (!this.isOpen) return false;
    try {
      this.capture.send(bytes, lengthBytes);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.isOpen) this.capture.close();
    this.isOpen = false;
  }
}
