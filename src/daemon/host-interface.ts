/**
 * The interface that the director works on, kept fit for it: offloads off; for a datapath that gets copies of frames,
 * guard on and local delivery there; all of it again when the interface was deleted and made anew, and all of it
 * undone at the end.
 */
import { DirectorError } from '../errors.ts';
import { Guard, type GuardedMark, type GuardedPorts } from '../host/guard.ts';
import { type InterfaceChange, type InterfaceState, InterfaceWatch } from '../host/interface.ts';
import {
  createLocalDelivery,
  findLocalDelivery,
  type LocalDelivery,
  removeLeftDelivery,
} from '../host/local-delivery.ts';
import type { RouteSocket } from '../host/netlink.ts';
import { NftChanges } from '../host/nft-changes.ts';
import {
  IRREVERSIBLE_MERGING,
  type OffloadsOff,
  RECEIVE_MERGING,
  turnOffOffloads,
  VLAN_REMOVAL,
} from '../host/offloads.ts';
import type { Log } from '../log.ts';
import type { HostFacts } from '../worker/messages.ts';
import { OffloadNotes } from './offload-notes.ts';

const NO_INTERFACE_MAC = '00:00:00:00:00:00';

export interface HostInterfaceOptions {
  readonly name: string;
  /** Has been follow()ed. */
  readonly routes: RouteSocket;
  readonly log: Log;
  /** Notes that outlive a killed daemon stand beside it. */
  readonly socketPath: string;
  /** Called after the interface has been made fit again. */
  readonly onChange: () => void;
}

export class HostInterface {
  readonly name: string;
  private readonly log: Log;
  private readonly routes: RouteSocket;
  private readonly watch: InterfaceWatch;
  private readonly guard: Guard;
  private readonly notes: OffloadNotes;
  private offloads: OffloadsOff | undefined;
  private unwanted: readonly string[] = RECEIVE_MERGING;
  /** Undefined: the datapath needs neither it nor the guard. */
  private delivery: LocalDelivery | undefined;
  private nftChanges: NftChanges | undefined;
  private guarded: readonly GuardedPorts[] = [];
  private guardedMarks: readonly GuardedMark[] = [];

  constructor({ name, routes, log, socketPath, onChange }: HostInterfaceOptions) {
    this.name = name;
    this.log = log;
    this.routes = routes;
    this.watch = new InterfaceWatch(routes, name);
    requireEthernet(name, this.watch.current, routes);
    this.guard = new Guard(name);
    this.notes = new OffloadNotes(socketPath, name);
    this.watch.onChange((change) => {
      const { what } = change;
      const said = describeChange(change);
      if (said !== undefined) log.info({ event: 'interface', interface: name, what }, `${name}: ${said}`);
      if (what !== 'created') onChange();
      else void this.fitAnew().finally(onChange);
    });
  }

  /** For a datapath that takes frames before the host's stack does: it must see them as they came. */
  async prepareForXdp(): Promise<void> {
    this.unwanted = [...RECEIVE_MERGING, VLAN_REMOVAL];
    await this.turnOffOffloads();
  }

  /** What a crash of a director with the other datapath left; when this one works, so that there is no gap. */
  async removeLeftFromUserSpace(): Promise<void> {
    const left = [
      (await this.guard.removeLeft()) ? 'a guard table' : '',
      (await removeLeftDelivery(this.name, this.state?.index ?? 0)) ? 'a veth pair' : '',
    ].filter((what) => what !== '');
    if (left.length > 0)
      this.log.info({}, `removed what a director left that was killed: ${left.join(', ')}`);
  }

  /**
   * For a datapath that gets copies of frames. The result says where it hands in what is for the host's own stack.
   * `isAtWork`: one of before forwards, and needs what is there: the veth pair, and the guard until setGuarded().
   */
  async prepareForUserSpace(kind: 'pcap' | 'ring', isAtWork: boolean): Promise<LocalDelivery> {
    this.unwanted = kind === 'ring' ? IRREVERSIBLE_MERGING : RECEIVE_MERGING;
    const index = this.state?.index ?? 0;
    const found = isAtWork ? await findLocalDelivery(this.name, index) : undefined;
    this.delivery = found ?? (await createLocalDelivery(this.name, index));
    await this.turnOffOffloads();
    if (!isAtWork) await this.guard.apply([]);
    this.nftChanges ??= new NftChanges(() => void this.repairGuard());
    return this.delivery;
  }

  get state(): InterfaceState | undefined {
    return this.watch.current;
  }

  get facts(): HostFacts {
    const { state } = this;
    return {
      interfaceUp: state?.up ?? false,
      mac: state?.mac ?? NO_INTERFACE_MAC,
      mtu: state?.mtu ?? 1500,
      addresses: this.routes
        .links()
        .flatMap(({ index }) => this.routes.addresses(index).map(({ address }) => address)),
    };
  }

  /** Merging that the driver does not let us switch off. */
  get stuckOffloads(): readonly string[] {
    return this.offloads?.stillOn ?? [];
  }

  /** What we have switched off. */
  get offloadsOff(): readonly string[] {
    return this.offloads?.switchedOff ?? [];
  }

  async setGuarded(guarded: readonly GuardedPorts[], marks: readonly GuardedMark[]): Promise<void> {
    if (this.delivery === undefined) return;
    this.guarded = guarded;
    this.guardedMarks = marks;
    if (this.state !== undefined) await this.guard.apply(guarded, marks);
  }

  /** `keepForwarding`: what forwards on without us still needs frames as they came, guard and local delivery. */
  async close(keepForwarding: boolean): Promise<void> {
    this.nftChanges?.close();
    this.watch.close();
    if (keepForwarding) return;
    const { delivery } = this;
    if (delivery !== undefined) await Promise.allSettled([this.guard.remove(), delivery.remove()]);
    await this.offloads?.restore();
    this.notes.remove();
  }

  private async repairGuard(): Promise<void> {
    try {
      if (this.state === undefined || !(await this.guard.repair())) return;
      const fields = { event: 'warning', interface: this.name };
      this.log.warn(fields, `${this.name}: somebody removed the guard table; it is back`);
    } catch (error) {
      this.log.error(
        {},
        `${this.name}: the guard table is gone and cannot be put back: ${(error as Error).message}`,
      );
    }
  }

  private async fitAnew(): Promise<void> {
    try {
      this.guard.forgetInterface();
      if (this.delivery !== undefined) await this.guard.apply(this.guarded, this.guardedMarks);
      await this.turnOffOffloads();
    } catch (error) {
      this.log.error(
        { err: error },
        `${this.name} came back, but cannot be made fit: ${(error as Error).message}`,
      );
    }
  }

  private async turnOffOffloads(): Promise<void> {
    const before = this.offloads?.switchedOff.join();
    this.offloads = await turnOffOffloads(this.name, this.unwanted, this.notes.read());
    this.notes.write(this.offloads.switchedOff);
    const { switchedOff, stillOn } = this.offloads;
    if (switchedOff.length > 0 && switchedOff.join() !== before)
      this.log.info({ switchedOff }, `${this.name}: ${switchedOff.join(', ')} off while we run`);
    if (stillOn.length > 0)
      this.log.warn({ stillOn }, `${this.name}: the driver keeps ${stillOn.join(', ')} on`);
  }
}

/** For the log; undefined: nothing that is worth a line. */
function describeChange({ what, state, newName }: InterfaceChange): string | undefined {
  switch (what) {
    case 'created':
      return 'the interface is back; making it fit again';
    case 'deleted':
      return 'the interface is gone; waiting for it to return';
    case 'renamed':
      return `the interface was renamed to ${newName}; waiting for one of its old name`;
    case 'up':
      return 'the link is up; forwarding';
    case 'down':
      return 'the link is down; waiting for it';
    case 'mac':
      return `the MAC address changed to ${state?.mac}; going on with it`;
    case 'mtu':
      return `the MTU changed to ${state?.mtu}`;
    case 'addresses':
      return undefined;
  }
}

function requireEthernet(
  name: string,
  state: InterfaceState | undefined,
  routes: RouteSocket,
): InterfaceState {
  if (state === undefined) {
    const present = routes.links().map((link) => link.name);
    throw new DirectorError(
      'NO_SUCH_DEVICE',
      `there is no interface ${name}; there are: ${present.join(', ')}`,
    );
  }
  if (state.mac === null || state.mac === NO_INTERFACE_MAC) {
    throw new DirectorError(
      'NO_SUCH_DEVICE',
      `${name} has no MAC address; direct routing needs an Ethernet interface`,
    );
  }
  return state;
}
