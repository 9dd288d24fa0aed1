// AF_PACKET rings, packet_mmap: frames in and out of one interface through memory that the kernel shares with us.
// TPACKET_V2, which hands over each frame at once; the format of the memory is linux/if_packet.h, and
// src/engine/ring.ts's business. Every frame has a struct virtio_net_hdr before it (PACKET_VNET_HDR): what a sender or
// the receiving host left to the card. No N-API here.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "syscall_result.h"

namespace director {

struct RingSizes {
  std::uint32_t slot_bytes;  // a power of two
  std::uint32_t receive_slots;
  std::uint32_t send_slots;
};

class PacketRing {
 public:
  PacketRing() = default;
  ~PacketRing() { Close(); }
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  // Frames that `filter` (classic BPF) lets pass arrive from now on, ones that this socket sends not among them.
  SyscallResult Open(const std::string& interface, const std::vector<sock_filter>& filter, const RingSizes& sizes);
  // What stands ready in the ring to be sent goes.
  SyscallResult Flush();
  // A frame that is too long for a slot (TP_STATUS_COPY), with its virtio_net_hdr.
  SyscallResult ReceiveLong(std::uint8_t* buffer, std::size_t capacity, std::size_t* length);
  // How many frames found no place since this was asked last.
  SyscallResult ReadDrops(std::uint32_t* drops);
  void ClearError();
  void Close();

  int fd() const { return fd_; }
  // The receive slots, then the send slots.
  void* memory() const { return memory_; }
  std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  SyscallResult SetUp(const std::string& interface, const std::vector<sock_filter>& filter, const RingSizes& sizes);

  int fd_ = -1;
  void* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
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
