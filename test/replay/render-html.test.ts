/** The report as a page: whole, by itself, and with nothing of a file in it that a browser would take for its own. */
import { describe, expect, test } from 'vitest';
import { withScheduler } from '../../src/replay/configuration.ts';
import { renderHtml } from '../../src/replay/html/render-html.ts';
import type { ReplayReport } from '../../src/replay/report.ts';
import { ACK, eth, SYN } from '../helpers/frame-builder.ts';
import { configurationOf, frameAt, replayed } from './in-memory.ts';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\u0000&`;

async function reportOf(
  servers: number,
  names: readonly (string | null)[] = ['rr', 'wlc'],
): Promise<ReplayReport> {
  const configuration = await configurationOf(
    '-A -t 10.0.0.100:80 -s wlc',
    ...Array.from(
      { length: servers },
      (_, index) => `-a -t 10.0.0.100:80 -r 10.0.1.${index} -g -w ${1 + (index % 3)}`,
    ),
    '-A -u 10.0.0.100:53 -s rr',
  );
  const frames = Array.from({ length: 400 }, (_, index) =>
    frameAt(
      index * 50,
      eth()
        .ipv4('192.0.2.9', '10.0.0.100')
        .tcp(1024 + (index >> 1), 80, index % 2 ? ACK : SYN)
        .bytes(),
    ),
  );
  const { result } = await replayed(frames, configuration, {
    keepsHistory: true,
    schedulers: names.map((name) => ({
      name,
      configuration: name === null ? configuration : withScheduler(configuration, name),
    })),
  });
  return { capture: HOSTILE, rules: HOSTILE, ...result, warnings: [HOSTILE] };
}

const VOID = new Set(['meta', 'line', 'path']);

/** Every element is closed where it should be; returns the names of all. */
function elementsOf(html: string): string[] {
  const open: string[] = [];
  const all: string[] = [];
  const text = html.replace('<!DOCTYPE html>', '').replace(/<style>[^<]*<\/style>/, '');
  for (const [whole, slash, name] of text.matchAll(
    /<(\/?)([a-zA-Z0-9]+)(?:\s[a-zA-Z0-9-]+="[^"<>]*")*\s*\/?>/g,
  )) {
    if (slash === '/') expect(`${open.pop()} in ${whole}`).toBe(`${name} in ${whole}`);
    else {
      all.push(name!);
      if (!VOID.has(name!)) open.push(name!);
    }
  }
  expect(open).toEqual([]);
  // Nothing else begins with the sign of an element.
  expect(text.match(/<(?!\/?[a-zA-Z0-9]+(?:\s[a-zA-Z0-9-]+="[^"<>]*")*\s*\/?>)/)).toBeNull();
  return all;
}

describe('the page', { timeout: 30_000 }, () => {
  test.each([1, 3, 8, 40])(
    'of %i servers is well formed, without script and without anything from elsewhere',
    async (servers) => {
      const html = renderHtml(await reportOf(servers));
      const elements = new Set(elementsOf(html));
      for (const name of ['script', 'img', 'link', 'iframe', 'object', 'a', 'image', 'use', 'form'])
        expect(elements).not.toContain(name);
      expect(html).not.toMatch(/url\(|@import|https?:|\son[a-z]+="|javascript:/);
      expect(html).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(html).not.toContain('\u0000');
      expect(html).not.toMatch(/NaN|undefined|Infinity/);
    },
  );

  test('has every picture with a title, a description and its numbers as a table', async () => {
    const html = renderHtml(await reportOf(3));
    const pictures = [...html.matchAll(/<svg [^>]*role="img" aria-labelledby="([^" ]+) ([^"]+)">/g)];
    // The imbalance of both, and the servers of each, of the one service that has connections.
    expect(pictures).toHaveLength(3);
    for (const [, title, description] of pictures) {
      expect(html).toContain(`<title id="${title}">`);
      expect(html).toContain(`<desc id="${description}">`);
    }
    expect(html.match(/<details>/g)).toHaveLength(3);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('draws of many servers the most, the mean and the least, and lists all', async () => {
    const html = renderHtml(await reportOf(40));
    expect(html).toContain('mean of 40 servers');
    expect(html.match(/<th scope="row">10\.0\.1\.\d+<\/th>/g)).toHaveLength(40);
  });

  test('of an empty capture is there, too', async () => {
    const configuration = await configurationOf('-A -t 10.0.0.100:80 -s rr');
    const { result } = await replayed([], configuration, { keepsHistory: true });
    const html = renderHtml({ capture: 'empty.pcap', rules: 'rules', ...result });
    elementsOf(html);
    expect(html).toContain('Warning: the capture has no frame');
  });

  test('takes times that no calendar has', async () => {
    const report = await reportOf(1, [null]);
    elementsOf(renderHtml({ ...report, startSec: 1e17, durationSec: 1e15 }));
  });
});
