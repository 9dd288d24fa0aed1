/** Recordings of kernel IPVS through the ring engine and a cable: it differs where the path and the filter do, and nowhere else. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithRoot, run } from '../helpers/netns.ts';
import { ENGINE_DIFFERENCES, EXPECTED_DIFFERENCES, isTraffic, recordings } from '../oracle/recordings.ts';

const PROGRAM = join(import.meta.dirname, '../oracle/run.ts');

describeWithRoot('the recordings by the ring engine', ['unshare'], () => {
  test('agree but for those that are expected to differ', async () => {
    const traffic = recordings.filter(([, recording]) => isTraffic(recording));
    const args = ['--net', process.execPath, '--import', 'tsx', PROGRAM, '--datapath', 'ring'];
    const files = traffic.map(([, , path]) => path);
    const { stdout, stderr } = await run('unshare', [...args, ...files], { timeoutMs: 55_000 });
    const expected = Object.keys({ ...EXPECTED_DIFFERENCES, ...ENGINE_DIFFERENCES });
    const found = [...stdout.matchAll(/^ {2}(\S.*?): event \d+: /gm)].map(([, name]) => name!);
    expect(stderr).toBe('');
    expect(stdout.match(/: agree \d+ of \d+$/gm)).toHaveLength(files.length);
    expect(found.toSorted()).toEqual(expected.toSorted());
  });
});
