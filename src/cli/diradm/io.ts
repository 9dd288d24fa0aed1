/** What a run of the command touches outside itself, so that tests can run it within their own process. */
import type { DirectorClient } from '../../control/client.ts';
import type { Resolver } from './resolver.ts';

export interface Io {
  /** What the command calls itself in messages. */
  readonly program: string;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  writeOut(text: string): void;
  writeError(text: string): void;
  readonly client: DirectorClient;
  readonly resolver: Resolver;
}
