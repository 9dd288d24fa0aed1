/** Run by channel.test.ts with a socket as descriptor 3: sends back what it gets, as the test's argument says how. */
import { Channel } from '../../src/worker/channel.ts';

const CHANNEL_FD = 3;
const mode = process.argv[2];

const channel = new Channel(
  CHANNEL_FD,
  (line) => {
    const message = JSON.parse(line) as { echo?: unknown; repeat?: number; text?: string };
    if (message.repeat === undefined) channel.send({ echo: message.echo });
    else for (let count = 0; count < message.repeat; count++) channel.send({ count, text: message.text });
  },
  () => process.exit(0),
);
channel.send({ ready: true });

/** As under overload: the event loop never runs, only poll() does. */
if (mode === 'busy') {
  const endsMs = performance.now() + 20_000;
  const tick = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < endsMs) {
    Atomics.wait(tick, 0, 0, 1);
    channel.poll();
  }
  process.exit(9);
}
