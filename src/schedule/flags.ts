/** Flags of sh and mh (model.ts, ServiceOptions.schedulerFlags): by their own names, and as flag-1 and flag-2. */
const FALLBACK = 1 | 8;
const PORT = 2 | 16;

/** -b sh-fallback, mh-fallback: a client whose server takes no new connection goes to another. */
export const hasFallback = (flags: number): boolean => (flags & FALLBACK) !== 0;

/** -b sh-port, mh-port: the client's port counts, not its address alone. */
export const hashesPort = (flags: number): boolean => (flags & PORT) !== 0;
