// For bpf-object.test.ts: reads a frame without a look at its length, which the verifier does not let pass.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} refused_map SEC(".maps");

SEC("xdp")
int read_too_far(struct xdp_md *ctx) {
  __u32 zero = 0;
  __u32 *value = bpf_map_lookup_elem(&refused_map, &zero);
  return value && *(__u8 *)(long)ctx->data == *value ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
