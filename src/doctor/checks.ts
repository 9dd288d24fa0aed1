/** All checks, in the order in which they are told: what everything else depends on first. */
import type { Check } from './check.ts';
import { arpOwner } from './checks/arp-owner.ts';
import { arpSettings } from './checks/arp-settings.ts';
import { capabilities } from './checks/capabilities.ts';
import { clock } from './checks/clock.ts';
import { daemon } from './checks/daemon.ts';
import { faster } from './checks/faster.ts';
import { gateway } from './checks/gateway.ts';
import { guard } from './checks/guard.ts';
import { kernel } from './checks/kernel.ts';
import { kernelIpvs } from './checks/kernel-ipvs.ts';
import { listening } from './checks/listening.ts';
import { lo } from './checks/lo.ts';
import { mtu } from './checks/mtu.ts';
import { neighbor } from './checks/neighbor.ts';
import { offloads } from './checks/offloads.ts';
import { otherDirector } from './checks/other-director.ts';
import { redirects } from './checks/redirects.ts';
import { reversePath } from './checks/reverse-path.ts';
import { segment } from './checks/segment.ts';
import { serverPath } from './checks/server-path.ts';
import { vip } from './checks/vip.ts';

export const CHECKS: readonly Check[] = [
  capabilities,
  kernel,
  daemon,
  vip,
  lo,
  arpSettings,
  arpOwner,
  otherDirector,
  kernelIpvs,
  segment,
  neighbor,
  serverPath,
  listening,
  guard,
  mtu,
  offloads,
  reversePath,
  gateway,
  redirects,
  clock,
  faster,
];
