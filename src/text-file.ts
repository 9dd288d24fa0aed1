/** Files that people write, read whole. */
import { readFileSync } from 'node:fs';
import { DirectorError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
};

/** Throws `code` with the path and why it cannot be read. */
export function readTextFile(path: string, code: 'CONFIG_FILE' | 'RULES_FILE'): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code: errno = '', message } = cause as NodeJS.ErrnoException;
    throw new DirectorError(code, `cannot read ${path}: ${REASONS[errno] ?? message}`, { path }, cause);
  }
}
