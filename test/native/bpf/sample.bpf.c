// For bpf-object.test.ts: a bit of everything that the addon does with an object.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

const volatile __u8 one_byte = 1;
const volatile __u16 two_bytes = 2;
const volatile __u32 four_bytes = 4;
const volatile __u64 eight_bytes = 8;
const volatile __s32 below_zero = 0;

__u64 runs; // .bss

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} shared SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} table SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} per_cpu SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} devices SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u32);
} recent SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");

// Counts the frames of each interface in `shared`, and those of this CPU.
static __always_inline void count(__u32 slot) {
  __u32 *value = bpf_map_lookup_elem(&shared, &slot);
  if (value)
    __sync_fetch_and_add(value, 1);
  __u32 zero = 0;
  value = bpf_map_lookup_elem(&per_cpu, &zero);
  if (value)
    *value += 1;
  __sync_fetch_and_add(&runs, 1);
}

// Frames that begin with 0xff are sent back with the interface's number instead; others pass.
SEC("xdp")
int answer(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data;
  void *end = (void *)(long)ctx->data_end;
  count(0);
  if (data + ETH_HLEN > (__u8 *)end)
    return XDP_ABORTED;
  if (data[0] != 0xff)
    return XDP_PASS;
  data[0] = ctx->ingress_ifindex;
  return XDP_TX;
}

// Another length comes out.
SEC("xdp")
int shorten(struct xdp_md *ctx) {
  count(1);
  if (bpf_xdp_adjust_head(ctx, ETH_HLEN))
    return XDP_ABORTED;
  return XDP_DROP;
}

struct request {
  __u64 sum;
  __u32 records;
};

// Adds the constants up, and writes records 0, 1, 2 and so on.
SEC("syscall")
int serve(struct request *request) {
  request->sum = (__u64)one_byte + two_bytes + four_bytes + eight_bytes;
  for (__u32 i = 0; i < 1000 && i < request->records; i++) {
    __u32 record = i; // the verifier loses the bound of a counter whose address is taken
    if (bpf_ringbuf_output(&events, &record, sizeof record, 0))
      return -7;
  }
  return below_zero;
}

SEC("tc")
int leaving(struct __sk_buff *skb) {
  count(2);
  return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
