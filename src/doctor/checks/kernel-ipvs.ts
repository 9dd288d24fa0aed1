/** The kernel's own IPVS does not balance the same virtual address. */
import { existsSync, readFileSync } from 'node:fs';
import { canonicalIp, renderIp } from '../../wire/address.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import { versionOf } from '../host-view.ts';

interface Facts {
  readonly virtual: readonly string[];
  /** /proc/net/ip_vs; empty: no ip_vs in this kernel. */
  readonly table: string;
}

const TABLE = '/proc/net/ip_vs';
const OPTIONS: Readonly<Record<string, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };

export const kernelIpvs = defineCheck<Facts>({
  name: 'kernel-ipvs',
  fine: "the kernel's IPVS has none of the virtual addresses",
  on: ['director'],
  finds: {
    'kernel-ipvs': {
      severity: 'problem',
      meaning: "the kernel's own IPVS balances the same virtual address",
    },
  },
  collect: ({ parts: { virtual } }) => ({
    virtual,
    table: existsSync(TABLE) ? readFileSync(TABLE, 'utf8') : '',
  }),
  judge: ({ virtual, table }) =>
    ipvsServices(table)
      .filter(({ address }) => virtual.includes(address))
      .map(({ protocol, address, port }) => {
        const endpoint = versionOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
        return {
          id: 'kernel-ipvs',
          what: `the kernel's own IPVS balances ${protocol} ${endpoint}, too; only one of the two may`,
          shown: `${TABLE} has it`,
          fix: here(`/sbin/ipvsadm -D ${OPTIONS[protocol]} ${endpoint}`),
        };
      }),
});

/** Lines like `TCP  AC1A146E:0050 wlc` and `TCP  [fd00:0172:…:0110]:0050 rr`; ports in hexadecimal: ip_vs_ctl.c. */
export function ipvsServices(table: string): { protocol: string; address: string; port: number }[] {
  return [...table.matchAll(/^(TCP|UDP|SCTP) +(?:([0-9A-F]{8})|\[([0-9a-f:]+)\]):([0-9A-F]{4}) /gim)].map(
    ([, protocol, ipv4, ipv6, port]) => ({
      protocol: protocol!,
      address:
        ipv4 === undefined
          ? (canonicalIp(ipv6!) ?? ipv6!)
          : renderIp({ version: 4, words: [Number.parseInt(ipv4, 16) | 0, 0, 0, 0] }),
      port: Number.parseInt(port!, 16),
    }),
  );
}
