/**
 * What goes to stderr, and the exit code with it: ipvsadm's own words for what the command line does wrong
 * (UsageError, thrown by the parser) and for what the daemon refuses (libipvs.c, ipvs_strerror).
 */
import type { DirectorError, ErrorCode } from '../../errors.ts';
import type { Edit } from '../../service/model.ts';

/** A value or a combination of options that ipvsadm refuses. */
export const EXIT_REFUSED = 2;
/** -1, as the shell shows it: the option parser's own errors, and every error of the kernel. */
export const EXIT_FAILED = 255;
/** A list of one service that does not exist. */
export const EXIT_NOT_LISTED = 1;

/** A command line that ipvsadm does not take. The message is the line that it prints. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_REFUSED) {
    super(message);
    this.name = 'UsageError';
    this.exitCode = exitCode;
  }
}

export const NO_SUCH_SERVICE = 'No such service';
const NOT_UNICAST = 'Invalid operation.  Possibly wrong module version, address not unicast, ...';

const TEXTS: Partial<Record<ErrorCode, string>> = {
  SERVICE_EXISTS: 'Service already exists',
  SERVICE_NOT_FOUND: NO_SUCH_SERVICE,
  SCHEDULER_NOT_FOUND: 'Scheduler or persistence engine not found',
  SERVER_EXISTS: 'Destination already exists',
  SERVER_NOT_FOUND: 'No such destination',
  SERVER_ADDRESS_INVALID: NOT_UNICAST,
  OUT_OF_RANGE: 'Numerical result out of range',
  SYNC_DAEMON_RUNNING: 'Daemon has already run',
  SYNC_DAEMON_NOT_RUNNING: 'No daemon is running',
  NO_SUCH_DEVICE: 'No such device',
  NEED_ROOT: 'Permission denied (you must be root)',
};

/** The line for an edit that the daemon refused: ipvsadm's where it has one, else the daemon's own. */
export function refusalText(op: Edit['op'], error: { readonly code: ErrorCode; readonly message: string }) {
  const isAboutServer = op === 'add-server' || op === 'edit-server' || op === 'delete-server';
  if (isAboutServer && error.code === 'SERVICE_NOT_FOUND') return 'Service not defined';
  return TEXTS[error.code] ?? error.message;
}

/** Two lines, as ipvsadm has them when the kernel has no IPVS; exit code EXIT_REFUSED. */
export function unreachableText(error: DirectorError): string {
  const remedy =
    error.code === 'NEED_ROOT'
      ? 'Its socket is open to root and its group: use sudo, or add this user to that group.'
      : 'Is it running?  Start it as root with: director run --interface eth0 (DIRECTOR_SOCKET names another socket)';
  return `Can't initialize ipvs: ${error.message}\n${remedy}`;
}
