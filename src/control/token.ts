/** The word that whoever changes something over the web listener must know. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { DirectorError } from '../errors.ts';

const MIN_LENGTH = 16;
const FOR_OTHERS = 0o006;
const MAKE_ONE = 'openssl rand -hex 32 makes a good one';

/** Whether a given word is the token. */
export type Token = (given: string) => boolean;

/** The file's only line. It must not be open to every user of this host. */
export function readToken(path: string): Token {
  const { mode, text } = readFile(path);
  if ((mode & FOR_OTHERS) !== 0) {
    const rights = (mode & 0o777).toString(8);
    throw new DirectorError(
      'TOKEN_FILE',
      `${path}: every user of this host may read or write it (mode ${rights}); run: chmod 600 ${path}`,
    );
  }
  const word = text.trim();
  if (word.length < MIN_LENGTH || /[^\x21-\x7e]/.test(word)) {
    throw new DirectorError(
      'TOKEN_FILE',
      `${path}: expected one word of at least ${MIN_LENGTH} characters; ${MAKE_ONE}`,
    );
  }
  const expected = digest(word);
  return (given) => timingSafeEqual(digest(given), expected);
}

/** Of one length for all words, as the comparison needs it. */
const digest = (word: string): Buffer => createHash('sha256').update(word).digest();

function readFile(path: string): { readonly mode: number; readonly text: string } {
  try {
    return { mode: statSync(path).mode, text: readFileSync(path, 'utf8') };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `there is no such file; ${MAKE_ONE}` : message;
    throw new DirectorError('TOKEN_FILE', `cannot read the token file ${path}: ${why}`, { path }, cause);
  }
}
