/** docs/CONTROL-API.md has every call of the control socket, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DirectorApi } from '../../src/control/api.ts';
import { createControlApp } from '../../src/control/app.ts';
import { renderMetrics } from '../../src/observe/exposition.ts';
import { scrapeOf } from '../observe/sample-scrape.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/CONTROL-API.md'), 'utf8');
const served = createControlApp({} as DirectorApi)
  .routes.filter(({ method }) => method !== 'ALL')
  .map(({ method, path }) => `${method} ${path}`);

const captures = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found]) => found!);

describe('docs/CONTROL-API.md', () => {
  test('lists in its table the calls that are served', () => {
    const table = captures(/^\| \[`((?:GET|POST|DELETE) \S+)`\]\(#[a-z0-9-]+\) \|/gm);
    expect([...table].sort()).toEqual([...served].sort());
  });

  test('has a section for each, in the order of the table', () => {
    const sections = captures(/^## ((?:GET|POST|DELETE) \S+)$/gm);
    expect(sections).toEqual(captures(/^\| \[`((?:GET|POST|DELETE) \S+)`\]/gm));
  });

  test('leads to its sections', () => {
    const anchors = new Set(
      captures(/^##+ (.*)$/gm).map((title) =>
        title
          .toLowerCase()
          .replaceAll(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    expect(captures(/\]\(#([^)]+)\)/g).filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });

  test('shows metrics that there are', async () => {
    const scraped = await renderMetrics(scrapeOf());
    for (const line of captures(/^(# (?:HELP|TYPE) director_.*)$/gm)) expect(scraped).toContain(line);
  });
});
