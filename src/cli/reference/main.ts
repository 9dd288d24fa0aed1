/**
 * `npm run reference`, a part of `npm run build`: writes manual pages and completions below a folder, laid out as
 * below /usr/local/share. They are not kept in the tree: what is built is what the command lines are.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { referenceFiles } from './files.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: main.js FOLDER');
for (const [path, text] of Object.entries(await referenceFiles())) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
