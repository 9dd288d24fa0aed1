/** The part of pcap-parser 0.2.1 that the tests use; the package has no types of its own. */
declare module 'pcap-parser' {
  interface Parser {
    on(event: 'packet', listener: (packet: { data: Buffer }) => void): this;
    on(event: 'end', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
  }

  const pcap: { parse(path: string): Parser };
  export default pcap;
}
