/**
 * Questions on one interface, as raw frames, and their answers: past the host's own stack, which would neither send a
 * packet for a virtual address that it has itself, nor take the answer.
 */
import { randomInt } from 'node:crypto';
import { OpenInterface } from '../engine/open-interface.ts';
import type { HostLink } from './host-view.ts';

/** Room for some thousand answers of a moment. */
const RING_BYTES = 8 * 1024 * 1024;
/** When a question is sent, from its beginning: a lost frame is not yet an answer. */
const SENT_AT_MS = [0, 250, 600] as const;
export const ANSWER_WITHIN_MS = 1000;
/** Above those that Linux gives to its own sockets (net.ipv4.ip_local_port_range). */
const FIRST_PORT = 61_001;
const PORTS = 4000;

/** What an answer says; undefined: the frame is none. */
export type Read<Answer> = (frame: Buffer) => Answer | undefined;

export class Wire {
  readonly link: HostLink;
  /** Source port of all that this wire asks. */
  readonly port = FIRST_PORT + randomInt(PORTS);
  /** Of its pings. */
  readonly identifier = randomInt(0x10000);
  private nextSequence = 0;
  private readonly open: OpenInterface;
  private readonly readers = new Set<(frame: Buffer) => void>();

  /** Throws what libpcap says when it cannot. */
  constructor(link: HostLink) {
    this.link = link;
    const toUs = `ether dst ${link.mac} and not ether src ${link.mac}`;
    const answers = `arp or icmp or icmp6 or ((tcp or udp) and dst port ${this.port}) or (ip6 and ip6[6] = 44)`;
    this.open = new OpenInterface(link.name, `${toUs} and (${answers})`, RING_BYTES, (lengthBytes) => {
      const frame = Buffer.from(this.open.buffer.subarray(0, lengthBytes));
      for (const reader of [...this.readers]) reader(frame);
    });
  }

  /** Tells one ping from the others. */
  sequence(): number {
    this.nextSequence = (this.nextSequence + 1) & 0xffff;
    return this.nextSequence;
  }

  send(frame: Buffer): void {
    this.open.send(frame, frame.length);
  }

  /** Everybody who answers in a second. */
  askAll<Answer>(frame: Buffer, read: Read<Answer>): Promise<Answer[]> {
    return this.ask(frame, read, false);
  }

  /** The first who answers; undefined: nobody in a second. */
  async askOne<Answer>(frame: Buffer, read: Read<Answer>): Promise<Answer | undefined> {
    return (await this.ask(frame, read, true))[0];
  }

  close(): void {
    this.open.close();
  }

  private ask<Answer>(frame: Buffer, read: Read<Answer>, oneIsEnough: boolean): Promise<Answer[]> {
    return new Promise((resolve) => {
      const answers: Answer[] = [];
      const reader = (received: Buffer) => {
        const answer = read(received);
        if (answer === undefined) return;
        answers.push(answer);
        if (oneIsEnough) finish();
      };
      const finish = () => {
        for (const timer of timers) clearTimeout(timer);
        this.readers.delete(reader);
        resolve(answers);
      };
      this.readers.add(reader);
      const timers = SENT_AT_MS.map((atMs) => setTimeout(() => this.send(frame), atMs));
      // What has come while this process was busy is read first.
      timers.push(setTimeout(() => setImmediate(finish), ANSWER_WITHIN_MS));
    });
  }
}
