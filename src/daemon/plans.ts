/** Plans that wait for somebody's yes: each holds only as long as the state that it was made for. */
import { createHash } from 'node:crypto';
import { DirectorError } from '../errors.ts';
import { messageOf } from '../worker/configuration-message.ts';
import type { Desired } from './desired.ts';

/** The oldest goes first: nobody need say no. */
const MAX_PLANS = 16;

export interface Plan {
  /** Of its file. */
  readonly name: string;
  readonly desired: Desired;
}

export class Plans {
  private readonly plans = new Map<string, Plan & { readonly state: string }>();

  /** The token of a plan that leads on from here. */
  keep(present: Desired, { name, desired }: Plan): string {
    const state = digest(present);
    const token = `${state}-${digest(desired)}`;
    this.plans.delete(token);
    this.plans.set(token, { name, desired, state });
    const [oldest] = this.plans.keys();
    if (this.plans.size > MAX_PLANS) this.plans.delete(oldest!);
    return token;
  }

  /** It is gone then. Throws PLAN_OUTDATED. */
  take(token: string, present: Desired): Plan {
    const plan = this.plans.get(token);
    if (plan === undefined) throw outdated('the director does not know this plan (any more)');
    if (plan.state !== digest(present))
      throw outdated('somebody changed the configuration since this plan was made');
    this.plans.delete(token);
    return plan;
  }
}

const outdated = (why: string): DirectorError =>
  new DirectorError('PLAN_OUTDATED', `${why}; nothing was changed. Make the plan again`);

const DIGEST_LENGTH = 16;

function digest({ configuration, policies }: Desired): string {
  const text = JSON.stringify([messageOf(configuration), [...policies]]);
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}
