/**
 * The hash that finds a connection: HalfSipHash-1-3 over client, virtual address, ports and protocol, as Linux
 * hashes what strangers choose (lib/siphash.c, hsiphash). With a secret key nobody can aim at one bucket.
 */

export class ConnectionHash {
  private readonly key0: number;
  private readonly key1: number;
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;

  /** Two random 32-bit words. */
  constructor(key0: number, key1: number) {
    this.key0 = key0 | 0;
    this.key1 = key1 | 0;
  }

  /** Of an IPv4 connection: addresses, both ports in one word, protocol and IP version in one. */
  of4(client: number, virtual: number, ports: number, kind: number): number {
    this.begin();
    this.absorb(client);
    this.absorb(virtual);
    this.absorb(ports);
    return this.finish(kind);
  }

  of6(
    client0: number,
    client1: number,
    client2: number,
    client3: number,
    virtual0: number,
    virtual1: number,
    virtual2: number,
    virtual3: number,
    ports: number,
    kind: number,
  ): number {
    this.begin();
    this.absorb(client0);
    this.absorb(client1);
    this.absorb(client2);
    this.absorb(client3);
    this.absorb(virtual0);
    this.absorb(virtual1);
    this.absorb(virtual2);
    this.absorb(virtual3);
    this.absorb(ports);
    return this.finish(kind);
  }

  private begin(): void {
    this.v0 = this.key0;
    this.v1 = this.key1;
    this.v2 = 0x6c796765 ^ this.key0;
    this.v3 = 0x74656462 ^ this.key1;
  }

  private absorb(word: number): void {
    this.v3 ^= word;
    this.round();
    this.v0 ^= word;
  }

  private finish(word: number): number {
    this.absorb(word);
    this.v2 ^= 0xff;
    this.round();
    this.round();
    this.round();
    return this.v1 ^ this.v3;
  }

  private round(): void {
    let { v0, v1, v2, v3 } = this;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }
}
