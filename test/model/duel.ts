/** The path and the book side by side: each step goes to both, and they must agree. */

import { renderConnection } from '../../src/cli/diradm/connections.ts';
import { renderNumeric } from '../../src/cli/diradm/endpoint-names.ts';
import { renderService } from '../../src/cli/diradm/listing.ts';
import { listServices } from '../../src/control/listing.ts';
import { DirectorError } from '../../src/errors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { toHex } from '../helpers/frame-builder.ts';
import { DIRECTOR_ADDRESS, type Handled, MAC_OF, TestDirector } from '../helpers/test-director.ts';
import { Book, type BookPacket, type ListedConnection, type Outcome } from './book.ts';
import { bookServices, renderBookConnection, renderBookServices } from './book-listing.ts';
import { type Frame, forwardedFrame, frameOf, replyFrame } from './frames.ts';
import type { Step } from './steps.ts';

const TICKS_PER_SECOND = 100;

export class Disagreement extends Error {}

export class Duel {
  private readonly director: TestDirector;
  private readonly book: Book;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private readonly frames = new Map<BookPacket, Frame>();
  readonly reached = new Map<string, number>();

  constructor(capacity: number) {
    // The book is IPVS's: without what the director adds.
    const asIpvs = { op: 'set', name: 'second_chance', value: 0 } as const;
    this.director = new TestDirector([asIpvs], { connectionTableSize: capacity });
    const own = [DIRECTOR_ADDRESS, '10.0.0.100', 'fd00:10::100'];
    this.book = new Book(capacity, own);
    // What it answers in a second is its own test's matter.
    Object.assign(this.director.path.replies, { limitsClients: false });
    this.book.choosesWhoGoes = (candidates) => this.whoWent(candidates);
    for (const address of ['127.0.0.1', '::1', ...own]) this.book.setNextHop(address, 'local');
    for (const [address, mac] of Object.entries(MAC_OF)) this.book.setNextHop(address, { mac });
  }

  /** Throws a Disagreement. */
  run(step: Step): void {
    if (step.do === 'edit') this.edit(step.edit);
    else if (step.do === 'frame') this.handle(frameOf(step.frame));
    else if (step.do === 'wait') this.wait(step.ticks);
    else if (step.do === 'list') this.compareLists();
    else if (step.do === 'raw') throw new Error('the book reads no bytes');
    else {
      const { address, mac } = step;
      this.director.session.setNextHops([{ address, kind: 'neighbor', mac, interface: null }]);
      this.book.setNextHop(address, mac === null ? 'unresolved' : { mac });
    }
  }

  private edit(edit: Edit): void {
    const wanted = this.book.edit(edit);
    let refused: string | undefined;
    try {
      this.configuration = applyEdit(this.configuration, edit);
      this.director.edit(edit);
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      refused = error.code;
    }
    agree('the edit', refused ?? 'done', wanted ?? 'done');
  }

  private handle(frame: Frame): void {
    const handled = this.director.handle(frame.bytes);
    const wanted = this.book.handle(frame.packet);
    this.reached.set(handled.verdict, (this.reached.get(handled.verdict) ?? 0) + 1);
    agree('the verdict', handled.verdict, wanted.verdict);
    this.frames.set(frame.packet, frame);
    this.compareSent(frame, handled, wanted);
    this.compareDelivered(frame, handled);
  }

  /** Of several that may make room: the book does not say which, so it is the one that the path has no more. */
  private whoWent(candidates: readonly ListedConnection[]): number {
    const left = this.director.connections().map((each) => renderConnection(each, renderNumeric));
    return candidates.findIndex((candidate) => !left.includes(renderBookConnection(candidate)));
  }

  private compareSent(frame: Frame, { sent, verdict }: Handled, wanted: Outcome): void {
    const expected: Uint8Array[] = [];
    if (wanted.mac !== undefined) expected.push(forwardedFrame(frame, wanted.mac));
    else if (verdict.startsWith('Reply')) expected.push(replyFrame(frame, verdict));
    for (const { packet, mac } of wanted.released ?? [])
      expected.push(forwardedFrame(this.frames.get(packet)!, mac));
    const isSame =
      sent.length === expected.length &&
      expected.every((bytes, index) => Buffer.compare(bytes, sent[index]!) === 0);
    if (!isSame) agree('what was sent', sent.map(toHex).join('\n  '), expected.map(toHex).join('\n  '));
  }

  private compareDelivered(frame: Frame, { delivered, verdict }: Handled): void {
    const expected = verdict.startsWith('Deliver') ? [toHex(frame.bytes)] : [];
    if (delivered.length === 0 && expected.length === 0) return;
    agree('what this host got', delivered.map((each) => toHex(each.frame)).join(), expected.join());
  }

  /** From timer to timer, so that each runs out at its own time in both. */
  private wait(ticks: number): void {
    const { book, director } = this;
    const end = book.now + ticks;
    while (book.now < end) {
      const second = (Math.floor(book.now / TICKS_PER_SECOND) + 1) * TICKS_PER_SECOND;
      const next = Math.min(end, second, Math.max(book.nextExpiry, book.now + 1));
      director.path.now += next - book.now;
      book.now = next;
      if (book.nextExpiry <= next || next === end) this.sweep();
      if (next !== second) continue;
      director.session.everySecond();
      book.everySecond();
    }
  }

  /** Twice: the sweep may meet a template before the connection that holds it. */
  private sweep(): void {
    const { director, book } = this;
    for (let round = 0; round < 2; round++) director.sweepSlice(director.path.connections.highestEntry);
    book.expire(({ protocol, client, virtual, virtualPort }) =>
      director
        .connections()
        .some(
          (each) =>
            each.expiresSec === 60 &&
            each.protocol === protocol &&
            each.client.port === 0 &&
            each.client.address === client &&
            each.virtual.address === virtual &&
            each.virtual.port === virtualPort,
        ),
    );
  }

  private compareLists(): void {
    const { director, book } = this;
    const counters = director.session.readCounters();
    agree('the counters', JSON.stringify(counters.services), JSON.stringify(bookServices(book)));
    const services = listServices(this.configuration, counters.services).map((service) =>
      renderService(service, service.servers, { view: 'plain', exact: false, renderEndpoint: renderNumeric }),
    );
    agree('-Ln', services.join(''), renderBookServices(book));
    const connections = director.connections().map((each) => renderConnection(each, renderNumeric));
    const expected = book.connections().map(renderBookConnection);
    agree('-Lnc', connections.sort().join(''), expected.sort().join(''));
  }
}

function agree(what: string, path: string, book: string): void {
  if (path !== book) throw new Disagreement(`${what}:\n  path: ${path}\n  book: ${book}`);
}
