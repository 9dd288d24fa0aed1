/** What passes an interface of a lab's host, captured by tcpdump and read with the pcap-parser package. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import pcap from 'pcap-parser';
import { vi } from 'vitest';
import { type HostName, type Lab, SOON } from './lab.ts';

export interface Capture {
  /** The frames so far; ends the capture. */
  finish(): Promise<Uint8Array[]>;
}

/** Resolves when tcpdump captures. `direction`: as the host sees it. */
export async function capture(
  lab: Lab,
  host: HostName,
  direction: 'in' | 'out',
  filter: string,
): Promise<Capture> {
  const path = join(lab.folder, `${host}-${direction}.pcap`);
  const options = [
    '-i',
    'eth0',
    '-Q',
    direction,
    '-s',
    '0',
    '--immediate-mode',
    '-U',
    '-w',
    path,
    '-Z',
    'root',
  ];
  const child = lab.spawn(host, 'tcpdump', [...options, filter], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await vi.waitUntil(() => said.includes('listening on'), SOON);
  return {
    async finish() {
      child.kill('SIGINT');
      await exited;
      const frames = await readFrames(path);
      rmSync(path);
      return frames;
    },
  };
}

function readFrames(path: string): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    pcap
      .parse(path)
      .on('packet', ({ data }) => frames.push(new Uint8Array(data)))
      .on('end', () => resolve(frames))
      .on('error', reject);
  });
}
