/** Every frame of a replay as a line, on standard output. */
import type { Writable } from 'node:stream';
import { CaptureSink } from '../capture-file/capture-sink.ts';
import { renderMac } from '../wire/address.ts';
import { destinationMacHigh, destinationMacLow } from '../wire/ethernet.ts';
import type { OfflineServer } from './next-hops.ts';
import { packetEnds, renderPacketLine, verdictName } from './packet-line.ts';
import type { Watcher } from './replay.ts';

export class PacketLog implements Watcher {
  private readonly sink: CaptureSink;
  private readonly asJson: boolean;
  private readonly names: ReadonlyMap<string, string>;
  private sentTo: string[] = [];

  constructor(stream: Writable, servers: readonly OfflineServer[], asJson: boolean) {
    this.sink = new CaptureSink(stream, 'standard output');
    this.asJson = asJson;
    this.names = new Map(servers.flatMap(({ address, mac }) => (mac === null ? [] : [[mac, address]])));
  }

  sent(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const mac = renderMac({ high: destinationMacHigh(view, 0), low: destinationMacLow(view, 0) });
    this.sentTo.push(this.names.get(mac) ?? mac);
  }

  handled: NonNullable<Watcher['handled']> = (number, { data, originalLength }, verdict, path, elapsedMs) => {
    const report = {
      number,
      seconds: elapsedMs / 1000,
      bytes: Math.max(originalLength, data.length),
      packet: packetEnds(path, verdict),
      verdict: verdictName(verdict),
      sentTo: this.sentTo,
    };
    this.sentTo = [];
    this.sink.add(Buffer.from(`${this.asJson ? JSON.stringify(report) : renderPacketLine(report)}\n`));
  };

  settle(): Promise<void> {
    return this.sink.settle();
  }

  /** Resolves when all lines are handed on. */
  finish(): Promise<void> {
    return this.sink.flush();
  }
}
