/** What the director says of what it did, and of what it sees: to the log, and to the history. */
import type { ServiceCheck } from '../health/service-check.ts';
import type { Log } from '../log.ts';
import type { History } from '../observe/history.ts';
import { editsSentence, turnSentence } from '../observe/sentences.ts';
import { turnsBetween } from '../observe/turns.ts';
import { type Configuration, endpointText, serviceKey } from '../service/configuration.ts';
import type { Edit, ServerAddress, ServiceAddress } from '../service/model.ts';
import { describeCheck } from './health-listing.ts';

/** Of warnings that come together, in the history. */
const MAX_NOTED_WARNINGS = 20;

export class Events {
  private readonly log: Log;
  private readonly history: History;
  private warned: ReadonlySet<string> = new Set();

  constructor({ log, history }: { readonly log: Log; readonly history: History }) {
    this.log = log;
    this.history = history;
  }

  edited(edits: readonly Edit[]): void {
    const changing = edits.filter(({ op }) => op !== 'zero');
    if (changing.length === 0) return;
    this.log.info({ event: 'configuration', edits: changing.length }, editsSentence(changing));
  }

  checked(address: ServiceAddress, check: ServiceCheck | null): void {
    const service = serviceKey(address);
    const how = check === null ? 'is no longer checked' : `is checked by ${describeCheck(check)}`;
    this.log.info({ event: 'configuration', service }, `${service} ${how}`);
  }

  drained(address: ServiceAddress, at: ServerAddress, isDrained: boolean): void {
    const [service, server] = [serviceKey(address), endpointText(at)];
    const [event, word] = isDrained ? ['drained', 'drained'] : ['undrained', 'no longer drained'];
    this.log.info({ event, service, server }, `real server ${server} of ${service} is ${word}`);
  }

  applied(name: string, edits: number): void {
    this.log.info({ event: 'configuration', name, edits }, `applied ${name}: ${edits} changes`);
  }

  read(path: string, edits: number): void {
    this.log.info({ event: 'configuration', path, edits }, `read ${path}: ${edits} changes`);
  }

  reloadRefused(error: Error): void {
    this.log.error({ event: 'warning' }, `reload refused, nothing changed: ${error.message}`);
  }

  tookOver(what: string, services: number, connections: number): void {
    this.log.info(
      { event: 'datapath', services, connections },
      `took over ${services} services and ${connections} connections of the running ${what}`,
    );
  }

  /** Servers that went down or came up; the log has it from those who found it out. */
  turned(
    before: Configuration,
    after: Configuration,
    why: (service: ServiceAddress, server: ServerAddress) => string,
  ): void {
    for (const turn of turnsBetween(before, after)) {
      const { service, server, isDown } = turn;
      const subject = { service: serviceKey(service), server };
      this.history.note(
        isDown ? 'server-down' : 'server-up',
        turnSentence(turn, why(service, server)),
        subject,
      );
    }
  }

  /** Each warning once, and again when it had gone and comes back. */
  warn(warnings: readonly string[]): void {
    const fresh = warnings.filter((warning) => !this.warned.has(warning));
    for (const [index, warning] of fresh.entries())
      this.log.warn(index < MAX_NOTED_WARNINGS ? { event: 'warning' } : {}, warning);
    const more = fresh.length - MAX_NOTED_WARNINGS;
    if (more > 0) this.history.note('warning', `and ${more} warnings more; director status --json has them`);
    this.warned = new Set(warnings);
  }
}
