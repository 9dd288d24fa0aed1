/** Where the project's files are: src/ and dist/ lie below the folder that holds package.json. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function packageRoot(start: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'director') return folder;
    if (folder === dirname(folder))
      throw new Error(`there is no package.json of the director above ${start}`);
  }
}
