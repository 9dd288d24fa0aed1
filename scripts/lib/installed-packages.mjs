// What npm has put into node_modules, compared with package-lock.json.
//
//   node installed-packages.mjs check        exits 1, naming the first difference, if `npm ci` is due
//   node installed-packages.mjs production   prints the folders that run the programs: all but what only
//                                            builds and tests them
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const packagesIn = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
/** npm's own note of what it installed. */
const NOTE = 'node_modules/.package-lock.json';

function firstDifference() {
  if (!existsSync(join(root, NOTE))) return 'node_modules is not there';
  const wanted = packagesIn('package-lock.json');
  const present = packagesIn(NOTE);
  const asked = Object.keys(wanted[''].optionalDependencies ?? {}).map((name) => `node_modules/${name}`);
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '') continue;
    // Optional ones are for other systems, unless package.json itself asks for them: then they failed to build.
    if (present[path] === undefined && optional && !asked.includes(path)) continue;
    if (present[path]?.version !== version) return `${path} ${version} is not installed`;
    if (!existsSync(join(root, path, 'package.json'))) return `${path} is gone`;
  }
  const extra = Object.keys(present).find((path) => wanted[path] === undefined);
  return extra && `${extra} is installed and not in package-lock.json`;
}

if (process.argv[2] === 'production') {
  const paths = Object.entries(packagesIn(NOTE)).filter(([, { dev }]) => dev !== true);
  for (const [path] of paths) if (existsSync(join(root, path))) console.log(path);
} else {
  const difference = firstDifference();
  if (difference) {
    console.log(difference);
    process.exitCode = 1;
  }
}
