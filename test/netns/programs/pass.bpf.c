/* Somebody else's XDP program: lets everything pass. On the peer of a veth it lets native XDP send frames back. */
__attribute__((section("xdp"), used)) int foreign_pass(void *context)
{
	return 2; /* XDP_PASS */
}
char license_text[] __attribute__((section("license"), used)) = "GPL";
