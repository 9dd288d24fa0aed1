/** Flags of sh and mh: linux/ip_vs.h, IP_VS_SVC_F_SCHED_SH_FALLBACK and its like. */
const FALLBACK = 8;
const PORT = 16;

/** -b sh-fallback, mh-fallback: a client whose server takes no new connection goes to another. */
export const hasFallback = (flags: number): boolean => (flags & FALLBACK) !== 0;

/** -b sh-port, mh-port: the client's port counts, not its address alone. */
export const hashesPort = (flags: number): boolean => (flags & PORT) !== 0;
