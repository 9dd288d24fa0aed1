/** Other programs, run to their end: ip, nft, ethtool. */
import { execFile } from 'node:child_process';
import { DirectorError } from '../errors.ts';

/** Debian packages of the programs that we call, for the message when one is missing. */
const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', ethtool: 'ethtool' };
const TIMEOUT_MS = 10_000;

/**
 * Resolves to what the program printed. Rejects with TOOL_MISSING, naming the package, or with TOOL_FAILED and the
 * program's own last words.
 */
export function runCommand(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C' } };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(asDirectorError(program, args, error, stderr));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

function asDirectorError(
  program: string,
  args: readonly string[],
  error: Error,
  stderr: string,
): DirectorError {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    const message = `${program} is not installed; run: apt-get install ${PACKAGES[program] ?? program}`;
    return new DirectorError('TOOL_MISSING', message, { program }, error);
  }
  const reason = stderr.trim().split('\n')[0] || error.message;
  return new DirectorError(
    'TOOL_FAILED',
    `${[program, ...args].join(' ')}: ${reason}`,
    { program, args },
    error,
  );
}
