#include "bpf_host.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace director {

SyscallResult PossibleCpus(std::uint32_t* count) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return {-cpus, "libbpf_num_possible_cpus"};
  *count = static_cast<std::uint32_t>(cpus);
  return {};
}

// The coarse clock advances once a tick, and says so: clock_getres(2). 300 ticks a second make 3333333 ns.
SyscallResult TicksPerSecond(std::uint32_t* ticks) {
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return {errno, "clock_getres"};
  if (tick.tv_sec != 0 || tick.tv_nsec <= 0) return {ERANGE, "clock_getres"};
  *ticks = static_cast<std::uint32_t>((1'000'000'000 + tick.tv_nsec / 2) / tick.tv_nsec);
  return {};
}

SyscallResult IsBpfFileSystem(const std::string& path, bool* is) {
  struct statfs file_system {};
  *is = false;
  if (statfs(path.c_str(), &file_system) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? SyscallResult{} : SyscallResult{errno, "statfs"};
  }
  *is = static_cast<std::uint32_t>(file_system.f_type) == BPF_FS_MAGIC;
  return {};
}

// As systemd mounts /sys/fs/bpf.
SyscallResult MountBpf(const std::string& path) {
  const int status = mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
  return status == 0 ? SyscallResult{} : SyscallResult{errno, "mount"};
}

// packet(7). A socket for each: frames that are sent like this are few.
SyscallResult SendFrame(std::uint32_t ifindex, std::span<const std::uint8_t> frame) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return {errno, "socket"};
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(ifindex);
  to.sll_halen = ETH_ALEN;
  const ssize_t sent =
      sendto(fd, frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  const SyscallResult result = sent < 0 ? SyscallResult{errno, "sendto"} : SyscallResult{};
  close(fd);
  return result;
}

}  // namespace director
