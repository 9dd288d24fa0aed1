/** The IPVS sysctls that the path honours, by their names (linux, Documentation/networking/ipvs-sysctl.rst). */
export interface Settings {
  /** 1: a packet for a removed server ends its connection and counts as the first of a new one. */
  readonly expire_nodest_conn: number;
  /** 1: a template of a quiesced server is not used any more. */
  readonly expire_quiescent_template: number;
  /** Bit 0: a SYN on a closed connection is scheduled anew; bit 1: also in FIN_WAIT. */
  readonly conn_reuse_mode: number;
  /** 1: any TCP packet but RST opens a connection. */
  readonly sloppy_tcp: number;
  /** 1: any SCTP packet but ABORT opens a connection. */
  readonly sloppy_sctp: number;
  /** 1: an ICMP error about no connection is scheduled like a first packet. */
  readonly schedule_icmp: number;
}

export const DEFAULT_SETTINGS: Settings = {
  expire_nodest_conn: 0,
  expire_quiescent_template: 0,
  conn_reuse_mode: 1,
  sloppy_tcp: 0,
  sloppy_sctp: 0,
  schedule_icmp: 0,
};
