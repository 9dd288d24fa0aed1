/** Gzip, step by step: memory stays bounded however much a step grows, and what comes before damage is not lost. */
import { createGunzip } from 'node:zlib';
import type { Problems } from './captured-frame.ts';

/** Deflate makes at most 1,032 bytes of one: no more than 4 MiB wait here. */
const STEP_BYTES = 4096;
const OUTPUT_BYTES = 64 * 1024;

export async function* gunzipped(source: AsyncIterable<Buffer>, problems: Problems): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
  let ready: Buffer[] = [];
  let failure: NodeJS.ErrnoException | undefined;
  let goOn = (): void => {};
  gunzip.on('data', (piece: Buffer) => ready.push(piece));
  // An error comes after the data of all steps before: the stream flows. A write that failed may never be answered.
  gunzip.on('error', (error) => {
    failure = error;
    goOn();
  });
  gunzip.on('end', () => goOn());
  const until = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      goOn = resolve;
      begin(resolve);
    });
  const taken = (): Buffer[] => {
    const pieces = ready;
    ready = [];
    return pieces;
  };
  try {
    for await (const piece of source) {
      for (let at = 0; at < piece.length && failure === undefined; at += STEP_BYTES) {
        const step = piece.subarray(at, at + STEP_BYTES);
        await until((done) => gunzip.write(step, done));
        yield* taken();
      }
      if (failure !== undefined) break;
    }
    if (failure === undefined) await until(() => gunzip.end());
    yield* taken();
  } finally {
    gunzip.destroy();
  }
  if (failure === undefined) return;
  problems.add(
    failure.code === 'Z_BUF_ERROR'
      ? 'its gzip data ends too early'
      : `its gzip data is damaged (${failure.message}); what follows was left out`,
  );
}
