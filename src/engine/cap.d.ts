/** The part of cap 0.2.1 that engine/pcap.ts uses; the package has no types of its own. */
declare module 'cap' {
  import type { EventEmitter } from 'node:events';

  class Cap extends EventEmitter {
    /** Fills `buffer` with each packet before the 'packet' event. Returns the link type, such as ETHERNET. */
    open(device: string, filter: string, ringBytes: number, buffer: Buffer): string;
    /** Aborts the process when called before open() or after close(). */
    send(buffer: Buffer, lengthBytes: number): void;
    close(): void;
    on(event: 'packet', listener: (lengthBytes: number, isTruncated: boolean) => void): this;
  }

  const cap: { readonly Cap: typeof Cap };
  export default cap;
}
