// An AF_PACKET ring, packet_mmap: frames of one interface come through memory that the kernel shares with us, and go
// out of it again without a copy of ours. TPACKET_V2, which hands over each frame at once; the format of the memory is
// linux/if_packet.h. Every frame has a struct virtio_net_hdr before it (PACKET_VNET_HDR): what a sender or the receiving
// host left to the card. No N-API here.
#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "syscall_result.h"

struct tpacket2_hdr;

namespace director {

// Where a frame is in the memory of the ring.
struct RingFrame {
  std::int32_t start;
  // kLongFrame: no slot holds it; ReceiveLong() has it.
  std::int32_t length;
};

constexpr std::int32_t kLongFrame = -1;
constexpr std::size_t kMaxBatch = 64;

class PacketRing {
 public:
  PacketRing() = default;
  ~PacketRing() { Close(); }
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  // Frames that `filter` (classic BPF) lets pass arrive from now on, ones that this socket sends not among them.
  SyscallResult Open(const std::string& interface, const std::vector<sock_filter>& filter, std::uint32_t slots);
  // The next ones that have come, whole with their VLAN tag; they stay until Release().
  std::size_t Next(std::array<RingFrame, kMaxBatch>& frames);
  // The first `count` of `frames`, which are in the memory of the ring. Returns how many the interface did not take.
  std::size_t Send(const std::array<RingFrame, kMaxBatch>& frames, std::size_t count);
  // What Next() found is the kernel's again.
  void Release();
  // One of Next()'s that has kLongFrame, with its virtio_net_hdr and VLAN tag.
  SyscallResult ReceiveLong(const RingFrame& frame, std::uint8_t* buffer, std::size_t capacity, std::size_t* length);
  // How many frames found no place since this was asked last.
  SyscallResult ReadDrops(std::uint32_t* drops);
  void ClearError();
  void Close();

  int fd() const { return fd_; }
  void* memory() const { return memory_; }
  std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  SyscallResult SetUp(const std::string& interface, const std::vector<sock_filter>& filter, std::uint32_t slots);
  tpacket2_hdr* Slot(std::size_t number) const;
  bool Has(const RingFrame& frame) const;

  int fd_ = -1;
  std::uint8_t* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
  std::size_t slots_ = 0;
  // The first slot that Release() has not given back, and how many from there on Next() has found.
  std::size_t first_ = 0;
  std::size_t found_ = 0;
  std::array<mmsghdr, kMaxBatch> messages_{};
  std::array<iovec, kMaxBatch> parts_{};
};

// An interface that frames are only sent by, one at a time, each with its virtio_net_hdr.
class PacketSender {
 public:
  PacketSender() = default;
  ~PacketSender() { Close(); }
  PacketSender(const PacketSender&) = delete;
  PacketSender& operator=(const PacketSender&) = delete;

  SyscallResult Open(const std::string& interface);
  SyscallResult Send(const std::uint8_t* bytes, std::size_t length);
  void Close();

 private:
  int fd_ = -1;
};

}  // namespace director
