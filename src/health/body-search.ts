/** Is a text in a body that comes in pieces? Keeps no more of it than may be the text's beginning. */
export const MAX_BODY_BYTES = 64 * 1024;

export class BodySearch {
  private readonly wanted: Buffer;
  private tail: Buffer = Buffer.alloc(0);
  private leftBytes = MAX_BODY_BYTES;

  constructor(text: string) {
    this.wanted = Buffer.from(text);
  }

  /** The body is longer than what is looked at. */
  get isExhausted(): boolean {
    return this.leftBytes <= 0;
  }

  /** True: the text is in what has been seen. */
  add(chunk: Buffer): boolean {
    const window = Buffer.concat([this.tail, chunk.subarray(0, this.leftBytes)]);
    this.leftBytes = Math.max(0, this.leftBytes - chunk.length);
    this.tail = window.subarray(Math.max(0, window.length - this.wanted.length + 1));
    return window.includes(this.wanted);
  }
}
