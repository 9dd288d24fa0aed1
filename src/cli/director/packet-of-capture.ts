/** One packet of a capture file, as hex. */
import { openCapture } from '../../capture-file/read-capture.ts';
import { DirectorError } from '../../errors.ts';

const MIN_FRAME_BYTES = 14;

/** `number`: from 1. What the capture cut off the packet counts as zeroes. */
export async function readPacket(path: string, number: number): Promise<string> {
  const capture = await openCapture(path);
  let seen = 0;
  for await (const batch of capture.batches()) {
    const found = batch[number - 1 - seen];
    seen += batch.length;
    if (found === undefined) continue;
    if (found.data.length < MIN_FRAME_BYTES)
      throw new DirectorError(
        'CAPTURE_FILE',
        `packet ${number} of ${path} has only ${found.data.length} bytes`,
      );
    const whole = Buffer.alloc(Math.min(Math.max(found.originalLength, found.data.length), MAX_FRAME_BYTES));
    whole.set(found.data.subarray(0, whole.length));
    return whole.toString('hex');
  }
  const problems = capture.problems.length === 0 ? '' : ` (${capture.problems.join('; ')})`;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `${path} has ${seen} packets, so there is no packet ${number}${problems}`,
  );
}

/** The largest packet, behind a link header with two VLAN tags. */
const MAX_FRAME_BYTES = 65_535 + 22;
