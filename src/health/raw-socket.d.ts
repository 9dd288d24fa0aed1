/** The part of raw-socket 1.8.1 that ping-socket.ts uses; the package has no types of its own. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  /** Open, and keeping the process alive, from its making until close(). */
  export interface Socket extends EventEmitter {
    /** setsockopt(2). */
    setOption(level: number, option: number, value: Buffer, lengthBytes: number): void;
    /**
     * Sends when the socket is ready, which is never once it is closed. `before` is called just before; what it
     * throws is as a failure to send. Errors have no `code`: their message is strerror(3)'s.
     */
    send(
      buffer: Buffer,
      offset: number,
      lengthBytes: number,
      address: string,
      before: () => void,
      after: (error: Error | null, sentBytes: number) => void,
    ): this;
    close(): void;
    on(event: 'message', listener: (message: Buffer, source: string) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
  }

  export const AddressFamily: { readonly IPv4: 1; readonly IPv6: 2 };
  export const Protocol: { readonly ICMP: 1; readonly ICMPv6: 58 };
  /** Throws an Error without `code`, as send(). */
  export function createSocket(options: { addressFamily: 1 | 2; protocol: 1 | 58 }): Socket;
}
