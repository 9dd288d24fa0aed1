/**
 * The configuration in force, and all that changes it: edits, files, drains, and what checks and neighbours say. One
 * change after the other, each followed by host, datapath and health before the next begins.
 */
import type {
  DrainReply,
  EditsReply,
  EndpointFilter,
  ErrorReply,
  PlanReply,
  PlanRequest,
} from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import type { ServiceCheck } from '../health/service-check.ts';
import type { RouteSocket } from '../host/netlink.ts';
import type { Log } from '../log.ts';
import {
  type applyEdit,
  type Configuration,
  draftOf,
  EMPTY_CONFIGURATION,
  findServers,
  findService,
} from '../service/configuration.ts';
import { editsBetween } from '../service/difference.ts';
import type { Edit, ServiceAddress } from '../service/model.ts';
import { readTextFile } from '../text-file.ts';
import { asConfigured } from './as-configured.ts';
import type { Datapath } from './datapath.ts';
import { requirePort } from './default-policy.ts';
import type { Desired } from './desired.ts';
import { desiredBy } from './desired-by-file.ts';
import type { Events } from './events.ts';
import { guardedMarks, guardedPorts } from './guarded-ports.ts';
import { createApply } from './host-edits.ts';
import type { HostInterface } from './host-interface.ts';
import { Paced } from './paced.ts';
import { changesBetween, type Intent } from './plan.ts';
import { Plans } from './plans.ts';
import type { ServerHealth } from './server-health.ts';
import type { ServerWatch } from './server-watch.ts';
import { warningsOf } from './warnings.ts';

/** Between two looks at what checks and neighbours say, which of ten thousand servers take that long. */
const MAX_HEALTH_REST_MS = 250;

export interface ChangesOptions {
  readonly log: Log;
  readonly host: HostInterface;
  readonly routes: RouteSocket;
  readonly workers: number;
  /** One of them, or none. */
  readonly rulesPath: string | undefined;
  readonly configPath: string | undefined;
  readonly servers: ServerWatch;
  readonly serverHealth: ServerHealth;
  readonly datapath: Datapath;
  readonly events: Events;
  /** The file was read again, or refused. */
  readonly noteReload: (isSuccess: boolean) => void;
}

export class Changes {
  private readonly options: ChangesOptions;
  private readonly plans = new Plans();
  private readonly healthFollowing: Paced;
  private current: Configuration = EMPTY_CONFIGURATION;
  private changing: Promise<unknown> = Promise.resolve();
  private isClosing = false;

  constructor(options: ChangesOptions) {
    this.options = options;
    this.healthFollowing = new Paced({
      act: () => this.takeHealthOver(),
      inTurn: (act) => this.oneAtATime(act),
      maxRestMs: MAX_HEALTH_REST_MS,
      onError: (error) =>
        options.log.error({ err: error }, `what checks found is not in force: ${error.message}`),
    });
  }

  get configuration(): Configuration {
    return this.current;
  }

  /** What goes on forwarding from before. */
  adopt(configuration: Configuration): void {
    this.current = configuration;
    this.options.serverHealth.adopt(configuration);
  }

  /** From now on what checks and neighbours say changes nothing. */
  close(): void {
    this.isClosing = true;
  }

  /** `act` sees a moment without changes under way: what the datapath has is what is configured. */
  oneAtATime<T>(act: () => Promise<T>): Promise<T> {
    const result = this.changing.then(act);
    this.changing = result.catch(() => {});
    return result;
  }

  edit(edits: readonly Edit[]): Promise<EditsReply> {
    return this.oneAtATime(() => this.carryOut(edits));
  }

  setCheck(service: ServiceAddress, check: ServiceCheck | null): Promise<void> {
    const { serverHealth, events } = this.options;
    return this.oneAtATime(async () => {
      findService(this.current, service);
      requirePort(service, check);
      serverHealth.setPolicy(service, { ...serverHealth.policyOf(service), check });
      await serverHealth.follow(this.current);
      this.followHealth();
      events.checked(service, check);
    });
  }

  drain(wanted: EndpointFilter, only: ServiceAddress | undefined, isDrained: boolean): Promise<DrainReply> {
    const { serverHealth, events } = this.options;
    return this.oneAtATime(async () => {
      const servers = findServers(this.current, wanted, only);
      for (const { service, server } of servers)
        if (serverHealth.setDrained(service, server, isDrained)) events.drained(service, server, isDrained);
      await this.takeHealthOver();
      return { servers };
    });
  }

  plan(file: PlanRequest): Promise<PlanReply> {
    return this.oneAtATime(async () => {
      const present = this.present();
      const desired = await this.readDesired(file);
      this.rehearse(desired);
      const token = this.plans.keep(present, { name: file.name, desired });
      return { token, ...changesBetween(this.intentOf(present), this.intentOf(desired)) };
    });
  }

  apply(token: string): Promise<void> {
    return this.oneAtATime(async () => {
      const { name, desired } = this.plans.take(token, this.present());
      const edits = await this.makeSo(desired);
      this.options.events.applied(name, edits);
    });
  }

  async reload(): Promise<void> {
    try {
      await this.readFile();
    } catch (error) {
      this.options.noteReload(false);
      this.options.events.reloadRefused(error as Error);
      throw error;
    }
  }

  readFile(): Promise<void> {
    const { rulesPath, configPath, noteReload, events } = this.options;
    const path = configPath ?? rulesPath;
    if (path === undefined) return Promise.resolve();
    const [format, code] =
      configPath === undefined ? (['rules', 'RULES_FILE'] as const) : (['yaml', 'CONFIG_FILE'] as const);
    return this.oneAtATime(async () => {
      const desired = await this.readDesired({ name: path, format, text: readTextFile(path, code) });
      const edits = await this.makeSo(desired);
      noteReload(true);
      events.read(path, edits);
    });
  }

  /** Servers went down or came up. */
  followHealth(): void {
    this.healthFollowing.ask();
  }

  private async carryOut(edits: readonly Edit[]): Promise<EditsReply> {
    const before = this.current;
    const apply = this.applyFrom(before);
    const accepted: Edit[] = [];
    let draft = draftOf(before);
    const results = edits.map((given): ErrorReply['error'] | null => {
      const edit = this.withHealth(given);
      try {
        draft = apply(draft, edit);
        accepted.push(edit);
        return null;
      } catch (error) {
        if (!(error instanceof DirectorError)) throw error;
        return { code: error.code, message: error.message };
      }
    });
    if (accepted.length > 0) {
      this.current = draft;
      this.options.events.edited(accepted);
    }
    await this.follow(before, accepted);
    return { results };
  }

  private applyFrom(before: Configuration): typeof applyEdit {
    return createApply({ routes: this.options.routes, capacity: this.options.datapath.capacity }, before);
  }

  /** What people have configured so far. */
  private present(): Desired {
    return { configuration: asConfigured(this.current), policies: this.options.serverHealth.policies };
  }

  private readDesired(file: PlanRequest): Promise<Desired> {
    return desiredBy(file, this.present(), this.applyFrom(EMPTY_CONFIGURATION));
  }

  private intentOf({ configuration, policies }: Desired): Intent {
    return { configuration, policyOf: (service) => this.options.serverHealth.policyOf(service, policies) };
  }

  /** What would be in force, and the edits that lead there. Throws the first refusal. */
  private rehearse({ configuration, policies }: Desired): { edits: readonly Edit[]; after: Configuration } {
    const edits = editsBetween(this.current, this.options.serverHealth.inForce(configuration, policies));
    const apply = this.applyFrom(this.current);
    const after = edits.reduce((draft, edit) => apply(draft, edit), draftOf(this.current));
    return { edits, after };
  }

  /** Whole or, when something is refused, not at all. How many edits it took. */
  private async makeSo(desired: Desired): Promise<number> {
    const before = this.current;
    const { edits, after } = this.rehearse(desired);
    this.options.serverHealth.setPolicies(desired.policies);
    if (edits.length > 0) this.current = after;
    await this.follow(before, edits);
    if (edits.length === 0) await this.options.serverHealth.follow(this.current);
    this.followHealth();
    return edits.length;
  }

  /** What is in force of a server goes on, whatever people configure. */
  private withHealth(edit: Edit): Edit {
    if (edit.op !== 'add-server' && edit.op !== 'edit-server') return edit;
    return {
      ...edit,
      options: this.options.serverHealth.optionsInForce(edit.service, edit.server, edit.options),
    };
  }

  private async takeHealthOver(): Promise<void> {
    const before = this.current;
    const wanted = this.options.serverHealth.inForce(before);
    if (wanted === before || this.isClosing) return;
    this.current = wanted;
    await this.follow(before, editsBetween(before, wanted));
  }

  /** The guard stands before the datapath forwards, and until it no longer does. */
  private async follow(before: Configuration, accepted: readonly Edit[]): Promise<void> {
    if (accepted.length === 0) return;
    const { host, log } = this.options;
    this.options.events.turned(
      before,
      this.current,
      (...of) => this.options.serverHealth.stateOf(...of).cause,
    );
    await host.setGuarded(guardedPorts(before, this.current), guardedMarks(this.current));
    await this.options.servers.follow(this.current);
    await this.options.datapath.publish(before, accepted).catch((error: Error) => {
      log.error({}, `the datapath has not confirmed an edit: ${error.message}`);
    });
    await host.setGuarded(guardedPorts(this.current), guardedMarks(this.current));
    await this.options.serverHealth.follow(this.current);
    this.options.events.warn(warningsOf(this.current, this.options.servers.list(), this.options.workers));
  }
}
