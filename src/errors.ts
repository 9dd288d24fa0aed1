/**
 * The one error of the edges: command line, control socket, configuration, kernel seam. The packet path
 * throws nothing; it returns a Verdict.
 */

/** Every code, with what it means and what to do about it. docs/ERRORS.md lists the same; a test compares. */
export const ERROR_CODES = {
  SERVICE_EXISTS: 'a virtual service with this protocol, address and port (or mark) is defined already',
  SERVICE_NOT_FOUND: 'no virtual service with this protocol, address and port (or mark) is defined',
  SCHEDULER_NOT_FOUND: 'the scheduler or persistence engine is not known',
  SERVER_EXISTS: 'the virtual service has a real server with this address and port already',
  SERVER_NOT_FOUND: 'the virtual service has no real server with this address and port',
  SERVER_ADDRESS_INVALID: 'the address of a real server must be unicast',
  OUT_OF_RANGE: 'a number is outside of what the operation takes',
  SYNC_DAEMON_RUNNING: 'a sync daemon of this role runs already',
  SYNC_DAEMON_NOT_RUNNING: 'no sync daemon of this role runs',
  NO_SUCH_DEVICE: 'there is no network interface of this name',
  BAD_REQUEST: 'a request to the control socket does not have the documented form',
  RULES_FILE: 'a rules file cannot be read or holds a line that cannot be carried out',
  CONFIG_FILE: 'a configuration file cannot be read, or something in it is not as documented',
  CAPTURE_FILE: 'a capture file cannot be read or written, or is of a kind that we do not read',
  PLAN_OUTDATED: 'the configuration is no longer the one that the plan was made for',
  NEED_ROOT: 'the operation needs root or named capabilities',
  INTERFACE_IN_USE: 'another director runs on this interface',
  SOCKET_IN_USE: 'another process answers on the control socket',
  DAEMON_UNREACHABLE: 'no director answers on the control socket',
  DAEMON_REPLY: 'the director answered with something else than documented',
  TOOL_MISSING: 'a program or library that the operation needs is not installed',
  TOOL_FAILED: 'a program that the operation called failed',
  NETLINK: 'the kernel refused or failed a netlink request',
  WORKERS: 'the number of --workers does not go with another option',
  XDP_UNAVAILABLE: 'the XDP datapath cannot be had on this host or interface as it is',
  RING_UNAVAILABLE: 'the ring datapath cannot be had on this host or interface as it is',
  XDP_OCCUPIED: 'another XDP program is on the interface',
  XDP_LAYOUT: 'what an XDP datapath of another version left in the kernel cannot be taken over',
  TOO_MANY_STREAMS: 'as many streams of events are open as the director serves at once',
  WEB_ADDRESS: 'the address of --web cannot be listened on',
  TOKEN_FILE: 'the file of --web-token-file cannot be read, or is not as it must be',
  TOKEN_NEEDED: 'a change over the web listener came without the token, or with a wrong one',
  READ_ONLY: 'nothing can be changed over the web listener: it has no token',
  NOT_OVER_WEB: 'the web listener does not serve this call, or not under this name',
  CAPTURE_UNAVAILABLE: 'frames cannot be captured now',
  DATAPATH_FAILED: 'the datapath process ended or does not answer',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Carries a code of ERROR_CODES, the offending values as `fields`, and the first cause. */
export class DirectorError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, fields: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DirectorError';
    this.code = code;
    this.fields = fields;
  }
}
