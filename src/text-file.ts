/** Files that people write, read whole; and why a file could not be read or written. */
import { readFileSync } from 'node:fs';
import { DirectorError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOSPC: 'the disk is full',
};

/** Throws `code` with the path and why it cannot be read. */
export function readTextFile(path: string, code: 'CONFIG_FILE' | 'RULES_FILE'): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new DirectorError(code, `cannot read ${path}: ${reasonOf(cause)}`, { path }, cause);
  }
}

/** Why the system could not open, read or write a file, in words. */
export function reasonOf(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}
