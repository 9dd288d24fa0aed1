#include "packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

namespace director {

namespace {

constexpr std::size_t kSlotBytes = 2048;
constexpr std::size_t kCacheLineBytes = 64;
// Slots whose lines are asked for while one is looked at: they come from another core's cache. A slot's header and a
// short frame are in so many.
constexpr std::size_t kPrefetchSlots = 8;
constexpr std::size_t kPrefetchLines = 3;
constexpr std::size_t kVlanTagBytes = 4;
// struct virtio_net_hdr of linux/virtio_net.h, which is no C++.
struct OffloadHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t hdr_len;
  std::uint16_t gso_size;
  std::uint16_t csum_start;
  std::uint16_t csum_offset;
};
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::size_t kOffloadBytes = sizeof(OffloadHeader);
static_assert(kOffloadBytes == 10);
// In its place, so that IP headers are aligned; before it are its virtio_net_hdr and room for a VLAN tag.
constexpr std::size_t kFrameOffset = 18;
static_assert(kFrameOffset >= kOffloadBytes + kVlanTagBytes && kFrameOffset + kSlotBytes <= kPlaceBytes);
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

// What is left to do of a frame stays with it; what is only said of frames that come goes.
void KeepOffload(std::uint8_t* at) {
  OffloadHeader offload;
  std::memcpy(&offload, at, kOffloadBytes);
  offload.flags &= kNeedsChecksum;
  if (offload.flags == 0 && offload.gso_type == 0) offload = {};
  std::memcpy(at, &offload, kOffloadBytes);
}

// The kernel takes the first VLAN tag out of a frame. Returns where the frame begins with it.
std::uint8_t* PutTagBack(std::uint8_t* frame, const tpacket2_hdr& header) {
  OffloadHeader offload;
  std::memcpy(&offload, frame - kOffloadBytes, kOffloadBytes);
  if (offload.flags != 0 || offload.gso_type != 0) offload.hdr_len += kVlanTagBytes;
  if (offload.flags != 0) offload.csum_start += kVlanTagBytes;
  std::uint8_t* start = frame - kVlanTagBytes;
  std::memmove(start, frame, 2 * ETH_ALEN);
  const bool has_type = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const std::array<std::uint16_t, 2> tag{htons(has_type ? header.tp_vlan_tpid : ETH_P_8021Q), htons(header.tp_vlan_tci)};
  std::memcpy(start + 2 * ETH_ALEN, tag.data(), kVlanTagBytes);
  std::memcpy(start - kOffloadBytes, &offload, kOffloadBytes);
  return start;
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

SyscallResult PacketRing::Open(const std::string& interface, const Filter& filter, std::uint32_t slots) {
  const SyscallResult result = SetUp(interface, filter, slots);
  if (result.error != 0) Close();
  return result;
}

SyscallResult PacketRing::SetUp(const std::string& interface, const Filter& filter, std::uint32_t slots) {
  // Protocol 0: nothing arrives before the filter stands.
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Failed("socket");
  SetBuffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF);
  SetBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
  const int on = 1;
  const tpacket_req request{kBlockBytes, static_cast<unsigned>(slots * kSlotBytes / kBlockBytes), kSlotBytes, slots};
  const bool is_set = Set(fd_, SOL_PACKET, PACKET_VERSION, static_cast<int>(TPACKET_V2)) &&
                      Set(fd_, SOL_PACKET, PACKET_VNET_HDR, on) && Set(fd_, SOL_PACKET, PACKET_COPY_THRESH, on) &&
                      Set(fd_, SOL_PACKET, PACKET_RX_RING, request);
  if (!is_set) return Failed("setsockopt");
  const SyscallResult filtered = SetFilter(filter);
  if (filtered.error != 0) return filtered;
  slots_ = slots;
  ring_bytes_ = std::size_t{slots} * kSlotBytes;
  const SyscallResult mapped = Map();
  return mapped.error == 0 ? Bind(fd_, interface, ETH_P_ALL) : mapped;
}

SyscallResult PacketRing::SetFilter(const Filter& filter) {
  const std::vector<sock_filter>& program = filter.program;
  const sock_fprog attached{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  // Before Linux 4.20 the filter is always asked, and refuses.
  Set(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, filter.takes_sent ? 0 : 1);
  return Set(fd_, SOL_SOCKET, SO_ATTACH_FILTER, attached) ? SyscallResult{} : Failed("setsockopt");
}

// The ring, and what memory_bytes() says right behind it.
SyscallResult PacketRing::Map() {
  void* memory = mmap(nullptr, memory_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Failed("mmap");
  memory_ = static_cast<std::uint8_t*>(memory);
  void* ring = mmap(memory_, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd_, 0);
  return ring == MAP_FAILED ? Failed("mmap") : SyscallResult{};
}

tpacket2_hdr* PacketRing::Slot(std::size_t number) const {
  return reinterpret_cast<tpacket2_hdr*>(memory_ + number % slots_ * kSlotBytes);
}

std::uint8_t* PacketRing::Place(std::size_t number) const { return memory_ + ring_bytes_ + number * kPlaceBytes; }

// In a place.
bool PacketRing::Has(const RingFrame& frame) const {
  const auto first = static_cast<std::int64_t>(ring_bytes_ + kOffloadBytes);
  const auto end = std::int64_t{frame.start} + frame.length;
  return frame.start >= first && frame.length >= 0 && end <= static_cast<std::int64_t>(batches_offset());
}

std::size_t PacketRing::Next() {
  std::size_t count = 0;
  for (std::size_t looked = 0; looked < kMaxBatch; looked++) {
    const auto* ahead = reinterpret_cast<const std::uint8_t*>(Slot(next_ + kPrefetchSlots));
    for (std::size_t line = 0; line < kPrefetchLines; line++) __builtin_prefetch(ahead + line * kCacheLineBytes);
    tpacket2_hdr* header = Slot(next_);
    if ((__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) break;
    if (Take(*header, Place(count), &Received()[count])) count++;
    __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    next_ = (next_ + 1) % slots_;
  }
  return count;
}

// False: it did not fit into its slot, and there was no room for a copy.
bool PacketRing::Take(const tpacket2_hdr& header, std::uint8_t* place, RingFrame* taken) {
  if ((header.tp_status & TP_STATUS_COPY) != 0) {
    std::memcpy(place, &header, sizeof header);
    *taken = {static_cast<std::int32_t>(place - memory_), kLongFrame};
    return true;
  }
  const std::size_t length = header.tp_snaplen;
  if (length < header.tp_len || length > kSlotBytes) return false;
  const std::uint8_t* received = reinterpret_cast<const std::uint8_t*>(&header) + header.tp_mac;
  std::uint8_t* frame = place + kFrameOffset;
  std::memcpy(frame - kOffloadBytes, received - kOffloadBytes, kOffloadBytes + length);
  KeepOffload(frame - kOffloadBytes);
  std::uint8_t* start = (header.tp_status & TP_STATUS_VLAN_VALID) != 0 ? PutTagBack(frame, header) : frame;
  *taken = {static_cast<std::int32_t>(start - memory_), static_cast<std::int32_t>(length + (frame - start))};
  return true;
}

std::size_t PacketRing::Send(std::size_t count) {
  std::size_t ready = 0;
  for (const RingFrame& frame : std::span(ToSend()).first(count)) {
    if (!Has(frame)) continue;
    parts_[ready] = {memory_ + frame.start - kOffloadBytes, kOffloadBytes + static_cast<std::size_t>(frame.length)};
    messages_[ready].msg_hdr.msg_iov = &parts_[ready];
    messages_[ready].msg_hdr.msg_iovlen = 1;
    ready++;
  }
  std::size_t refused = count - ready;
  // It stops at the first one that is not taken.
  for (std::size_t index = 0; index < ready;) {
    const int sent = sendmmsg(fd_, &messages_[index], static_cast<unsigned>(ready - index), MSG_DONTWAIT);
    refused += sent > 0 ? 0 : 1;
    index += sent > 0 ? static_cast<std::size_t>(sent) : 1;
  }
  return refused;
}

SyscallResult PacketRing::ReceiveLong(const RingFrame& frame, std::uint8_t* buffer, std::size_t capacity, std::size_t* length) {
  if (!Has({frame.start + static_cast<std::int32_t>(kOffloadBytes), 0}) || capacity < kVlanTagBytes) return {EINVAL, "recv"};
  tpacket2_hdr header;
  std::memcpy(&header, memory_ + frame.start, sizeof header);
  const std::size_t tag_bytes = (header.tp_status & TP_STATUS_VLAN_VALID) != 0 ? kVlanTagBytes : 0;
  std::uint8_t* received = buffer + tag_bytes;
  const ssize_t bytes = recv(fd_, received, capacity - tag_bytes, MSG_DONTWAIT);
  if (bytes < 0) return Failed("recv");
  if (bytes < static_cast<ssize_t>(kOffloadBytes + ETH_HLEN)) return {EBADMSG, "recv"};
  KeepOffload(received);
  if (tag_bytes != 0) PutTagBack(received + kOffloadBytes, header);
  *length = tag_bytes + static_cast<std::size_t>(bytes);
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
  if (memory_ != nullptr) munmap(memory_, memory_bytes());
  memory_ = nullptr;
  next_ = 0;
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
