// An AF_PACKET ring, packet_mmap: frames of one interface come through memory that the kernel shares with us. TPACKET_V2,
// which hands over each frame at once; the format of the memory is linux/if_packet.h. A batch at a time is copied to
// places that are always the same, where it is looked at and sent from: they stay in the cache, which the ring, with
// room for a burst, does not. Every frame has a struct virtio_net_hdr before it (PACKET_VNET_HDR): what a sender or the receiving
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

// Where a frame is in memory().
struct RingFrame {
  std::int32_t start;
  // kLongFrame: no slot holds it; ReceiveLong() has it.
  std::int32_t length;
};

constexpr std::int32_t kLongFrame = -1;
constexpr std::size_t kMaxBatch = 64;
// A multiple of a cache line, and no power of two: the beginnings of all frames would share a few lines of the cache.
constexpr std::size_t kPlaceBytes = 2048 + 64;

using RingBatch = std::array<RingFrame, kMaxBatch>;

class PacketRing {
 public:
  struct Filter {
    // Classic BPF.
    std::vector<sock_filter> program;
    // It is asked about frames that this host sends, too, which the kernel clones for that.
    bool takes_sent;
  };

  PacketRing() = default;
  ~PacketRing() { Close(); }
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  // Frames that `filter` lets pass arrive from now on, ones that this socket sends not among them.
  SyscallResult Open(const std::string& interface, const Filter& filter, std::uint32_t slots);
  // From the next frame on.
  SyscallResult SetFilter(const Filter& filter);
  // The next ones that have come, whole with their VLAN tag, each in its place: frame N in place N. Returns how many;
  // where they are stands in Received(). They stay until the next call.
  std::size_t Next();
  // The first `count` of ToSend(), which are in places. Returns how many the interface did not take.
  std::size_t Send(std::size_t count);
  // One of Next()'s that has kLongFrame, with its virtio_net_hdr and VLAN tag.
  SyscallResult ReceiveLong(const RingFrame& frame, std::uint8_t* buffer, std::size_t capacity, std::size_t* length);
  // How many frames found no place since this was asked last.
  SyscallResult ReadDrops(std::uint32_t* drops);
  void ClearError();
  void Close();

  int fd() const { return fd_; }
  void* memory() const { return memory_; }
  // The ring; kMaxBatch places; a RingBatch of what was received, and one of what is to be sent.
  std::size_t memory_bytes() const { return batches_offset() + 2 * sizeof(RingBatch); }

 private:
  SyscallResult SetUp(const std::string& interface, const Filter& filter, std::uint32_t slots);
  SyscallResult Map();
  tpacket2_hdr* Slot(std::size_t number) const;
  std::uint8_t* Place(std::size_t number) const;
  std::size_t batches_offset() const { return ring_bytes_ + kMaxBatch * kPlaceBytes; }
  RingBatch& Received() const { return reinterpret_cast<RingBatch*>(memory_ + batches_offset())[0]; }
  RingBatch& ToSend() const { return reinterpret_cast<RingBatch*>(memory_ + batches_offset())[1]; }
  bool Take(const tpacket2_hdr& header, std::uint8_t* place, RingFrame* taken);
  bool Has(const RingFrame& frame) const;

  int fd_ = -1;
  std::uint8_t* memory_ = nullptr;
  std::size_t ring_bytes_ = 0;
  std::size_t slots_ = 0;
  // The slot that the kernel fills next.
  std::size_t next_ = 0;
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
