/** Tells that somebody has changed nftables in this namespace, be it us; not what. linux/netfilter/nfnetlink.h */
import { loadHostAddon, type NativeNetlinkSocket } from './native.ts';

/** linux/netlink.h */
const NETLINK_NETFILTER = 12;
const NFNLGRP_NFTABLES = 7;
/** A firewall that is set up changes much at once. */
const SETTLE_MS = 200;

export class NftChanges {
  private readonly native: NativeNetlinkSocket;
  private readonly onChange: () => void;
  private settling: NodeJS.Timeout | undefined;

  /** `onChange`: at most five times a second, and after the last change. Throws what the kernel says. */
  constructor(onChange: () => void) {
    this.onChange = onChange;
    const heard = () => this.hear();
    const { NetlinkSocket } = loadHostAddon();
    this.native = new NetlinkSocket(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1), heard, heard);
  }

  close(): void {
    clearTimeout(this.settling);
    this.native.close();
  }

  private hear(): void {
    this.settling ??= setTimeout(() => {
      this.settling = undefined;
      this.onChange();
    }, SETTLE_MS).unref();
  }
}
