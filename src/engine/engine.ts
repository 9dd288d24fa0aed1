/** Where the packet path sends frames. Engines (pcap, memory, …) implement it and feed forward(). */
export interface FrameSink {
  /** Puts the first lengthBytes of `frame` on the wire. False: the interface did not take it. */
  transmit(frame: DataView, lengthBytes: number): boolean;
  /** Hands the packet at ipOffset to this host's own stack, past the guard; it may overwrite what stands before ipOffset. False: it could not. */
  deliver(frame: DataView, ipOffset: number, lengthBytes: number): boolean;
}
