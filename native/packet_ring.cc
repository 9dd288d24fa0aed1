#include "packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace director {

namespace {

// The kernel allocates a ring in blocks of whole pages.
constexpr std::uint32_t kBlockBytes = 1 << 16;
// For frames under way, and for long ones on their way in.
constexpr int kSocketBufferBytes = 32 << 20;

SyscallResult Failed(const char* syscall) { return {errno, syscall}; }

template <typename T>
bool Set(int fd, int level, int option, const T& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// More than net.core allows, where we may.
void SetBuffer(int fd, int forced, int option) {
  if (!Set(fd, SOL_SOCKET, forced, kSocketBufferBytes)) Set(fd, SOL_SOCKET, option, kSocketBufferBytes);
}

tpacket_req Request(std::uint32_t slot_bytes, std::uint32_t slots) {
  const std::uint32_t block_bytes = std::max(kBlockBytes, slot_bytes);
  const std::uint32_t blocks = slots / (block_bytes / slot_bytes);
  return {block_bytes, blocks, slot_bytes, blocks * (block_bytes / slot_bytes)};
}

SyscallResult Bind(int fd, const std::string& interface, std::uint16_t protocol) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return Failed("if_nametoindex");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(index);
  const int status = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  return status == 0 ? SyscallResult{} : Failed("bind");
}

}  // namespace

SyscallResult PacketRing::Open(const std::string& interface, const std::vector<sock_filter>& filter, const RingSizes& sizes) {
  const SyscallResult result = SetUp(interface, filter, sizes);
  if (result.error != 0) Close();
  return result;
}

SyscallResult PacketRing::SetUp(const std::string& interface, const std::vector<sock_filter>& filter, const RingSizes& sizes) {
  // Protocol 0: nothing arrives before the filter stands.
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Failed("socket");
  SetBuffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF);
  SetBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  const int on = 1;
  const bool is_set = Set(fd_, SOL_PACKET, PACKET_VERSION, static_cast<int>(TPACKET_V2)) &&
                      Set(fd_, SOL_PACKET, PACKET_VNET_HDR, on) && Set(fd_, SOL_PACKET, PACKET_COPY_THRESH, on) &&
                      Set(fd_, SOL_PACKET, PACKET_TX_HAS_OFF, on) && Set(fd_, SOL_PACKET, PACKET_LOSS, on) &&
                      Set(fd_, SOL_PACKET, PACKET_RX_RING, Request(sizes.slot_bytes, sizes.receive_slots)) &&
                      Set(fd_, SOL_PACKET, PACKET_TX_RING, Request(sizes.slot_bytes, sizes.send_slots)) &&
                      Set(fd_, SOL_SOCKET, SO_ATTACH_FILTER, program);
  if (!is_set) return Failed("setsockopt");
  memory_bytes_ = std::size_t{sizes.slot_bytes} * (sizes.receive_slots + sizes.send_slots);
  void* memory = mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
  if (memory == MAP_FAILED) return Failed("mmap");
  memory_ = memory;
  return Bind(fd_, interface, ETH_P_ALL);
}

SyscallResult PacketRing::Flush() {
  return send(fd_, nullptr, 0, MSG_DONTWAIT) >= 0 ? SyscallResult{} : Failed("send");
}

SyscallResult PacketRing::ReceiveLong(std::uint8_t* buffer, std::size_t capacity, std::size_t* length) {
  const ssize_t received = recv(fd_, buffer, capacity, MSG_DONTWAIT);
  if (received < 0) return Failed("recv");
  *length = static_cast<std::size_t>(received);
  return {};
}

SyscallResult PacketRing::ReadDrops(std::uint32_t* drops) {
  tpacket_stats statistics{};
  socklen_t size = sizeof statistics;
  if (getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return Failed("getsockopt");
  *drops = statistics.tp_drops;
  return {};
}

// ENETDOWN stays until it is asked for.
void PacketRing::ClearError() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
}

// The mapping keeps the socket: without munmap() it would go on receiving.
void PacketRing::Close() {
  if (memory_ != nullptr) munmap(memory_, memory_bytes_);
  memory_ = nullptr;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

SyscallResult PacketSender::Open(const std::string& interface) {
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Failed("socket");
  SetBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
  SyscallResult result{};
  if (!Set(fd_, SOL_PACKET, PACKET_VNET_HDR, 1)) result = Failed("setsockopt");
  if (result.error == 0) result = Bind(fd_, interface, 0);
  if (result.error != 0) Close();
  return result;
}

SyscallResult PacketSender::Send(const std::uint8_t* bytes, std::size_t length) {
  return send(fd_, bytes, length, MSG_DONTWAIT) >= 0 ? SyscallResult{} : Failed("send");
}

void PacketSender::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace director
