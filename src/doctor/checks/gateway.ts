/** A real server answers clients past the director: its default route is not the director. */
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import type { DefaultRoute } from '../host-view.ts';
import { gatewaysOf } from './mtu.ts';

interface Facts {
  readonly virtual: readonly string[];
  readonly routes: readonly DefaultRoute[];
  /** Who answers for the virtual addresses. */
  readonly directors: readonly string[];
  readonly gateways: readonly { readonly address: string; readonly macs: readonly string[] }[];
}

export const gateway = defineCheck<Facts>({
  name: 'gateway',
  fine: 'the default route does not lead through the director',
  on: ['real-server'],
  finds: {
    'gateway-is-director': {
      severity: 'problem',
      meaning:
        "a real server's default route leads through the director: answers go back where they came from, and are lost or redirected",
    },
    'no-default-route': {
      severity: 'note',
      meaning: 'a real server has no default route: it answers only clients of its own networks',
    },
  },
  async collect(situation) {
    const { virtual, host } = situation.parts;
    const directors = (await Promise.all(virtual.map((address) => situation.owners(address)))).flat();
    const gateways = gatewaysOf(situation).map(async (address) => ({
      address,
      macs: await situation.owners(address),
    }));
    return { virtual, routes: host.defaultRoutes, directors, gateways: await Promise.all(gateways) };
  },
  judge({ virtual, routes, directors, gateways }) {
    if (routes.length === 0)
      return [
        {
          id: 'no-default-route',
          what: 'this host has no default route, so it answers only clients of its own networks',
          shown: 'ip route show default: nothing',
          fix: null,
        },
      ];
    return gateways
      .filter(({ address, macs }) => virtual.includes(address) || macs.some((mac) => directors.includes(mac)))
      .map(({ address, macs }) => ({
        id: 'gateway-is-director',
        what: `the default route leads through the director (${address}); it belongs to the router of the segment: ip route add default via ROUTER, after this`,
        shown: `${address} and the virtual address are both answered for by ${macs.join(', ')}`,
        fix: here(`ip route del default via ${address}`),
      }));
  },
});
