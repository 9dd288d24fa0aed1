/** Numbers of pcapng that reader and writer share: draft-ietf-opsawg-pcapng, sections 3 and 4. */

export const BlockType = {
  Interface: 1,
  SimplePacket: 3,
  InterfaceStatistics: 5,
  EnhancedPacket: 6,
  /** The same in both byte orders. */
  Section: 0x0a0d0d0a,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

export const OptionCode = {
  End: 0,
  Comment: 1,
  /** Of a section. */
  UserApplication: 4,
  /** Of an interface. */
  InterfaceName: 2,
  InterfaceTimeResolution: 9,
  InterfaceTimeOffset: 14,
  /** Of an enhanced packet. */
  PacketFlags: 2,
  /** Of an interface's statistics. */
  ReceivedFrames: 4,
  AcceptedByFilter: 6,
  DroppedFrames: 7,
  DeliveredFrames: 8,
} as const;

/** Directions in the lowest two bits of a packet's flags. */
export const PacketFlag = { Inbound: 1, Outbound: 2 } as const;
