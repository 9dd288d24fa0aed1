/** States of a template of persistence: linux/ip_vs.h, IP_VS_CTPL_S_*. */
export const TemplateState = { None: 0, Assured: 1 } as const;

/** As ipvsadm -Lnc prints them, by number. */
export const TEMPLATE_STATE_NAMES: readonly string[] = ['NONE', 'ASSURED'];

/** The port of a template that is no longer used: ip_vs_check_template(). */
export const INVALIDATED_PORT = 0xffff;
