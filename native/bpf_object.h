// One BPF object file: opened, adjusted, loaded; its maps and programs. No N-API here; bpf_object_wrap.cc has that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "syscall_result.h"

struct bpf_map;
struct bpf_object;

namespace director {

// A value for a `const volatile` variable. `bits` are those of a 64-bit integer, signed if `negative`.
struct Constant {
  std::uint64_t bits = 0;
  bool negative = false;
};

struct LoadOptions {
  std::vector<std::pair<std::string, std::uint32_t>> max_entries;
  std::vector<std::pair<std::string, Constant>> constants;
  std::optional<std::string> pin_folder;
  // Maps that are not pinned with the others.
  std::vector<std::string> own_maps;
  std::optional<std::string> program_folder;
};

struct MapInfo {
  std::uint32_t id = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t max_entries = 0;
};

// Memory of a BPF_F_MMAPABLE array. Whoever asked for it unmaps it.
struct MapMemory {
  void* address = nullptr;
  std::size_t bytes = 0;  // of the array; whole pages are mapped
};

void UnmapMemory(const MapMemory& memory);

struct XdpRun {
  std::uint32_t action = 0;
  std::uint32_t length = 0;  // of the frame that the program left behind
};

class BpfObject {
 public:
  BpfObject() = default;
  ~BpfObject() { Close(); }
  BpfObject(const BpfObject&) = delete;
  BpfObject& operator=(const BpfObject&) = delete;

  SyscallResult Load(const std::string& path, const LoadOptions& options);
  void Close();

  SyscallResult MapFd(const std::string& name, int* fd) const;
  SyscallResult Info(const std::string& name, MapInfo* info) const;
  SyscallResult Memory(const std::string& name, MapMemory* memory) const;
  // ENOENT is what tells that a key is not there.
  SyscallResult Lookup(const std::string& name, std::span<const std::uint8_t> key,
                       std::span<std::uint8_t> value) const;
  SyscallResult Update(const std::string& name, std::span<const std::uint8_t> key,
                       std::span<const std::uint8_t> value) const;
  SyscallResult Remove(const std::string& name, std::span<const std::uint8_t> key) const;
  // `key` null: the first one.
  SyscallResult NextKey(const std::string& name, const std::uint8_t* key, std::span<std::uint8_t> next) const;

  // Programs are numbered, so that a run needs no name.
  SyscallResult Program(const std::string& name, std::uint32_t* number) const;
  // -1, which the calls that take a program refuse with EBADF, when there is none or the object is closed.
  int ProgramFd(std::uint32_t number) const { return number < programs_.size() ? programs_[number].fd : -1; }
  SyscallResult ProgramId(std::uint32_t number, std::uint32_t* id) const;

  // `ifindex` 0: the frame came by the loopback interface.
  SyscallResult RunXdp(std::uint32_t program, std::span<const std::uint8_t> frame, std::span<std::uint8_t> out,
                       std::uint32_t ifindex, XdpRun* run) const;
  // The program reads and writes `context`.
  SyscallResult RunSyscall(std::uint32_t program, std::span<std::uint8_t> context, std::int32_t* result) const;

  // A link that goes with the object.
  void KeepLink(int fd) { links_.push_back(fd); }

 private:
  struct NamedProgram {
    std::string name;
    int fd;
  };

  SyscallResult Adjust(const LoadOptions& options);
  SyscallResult SetConstants(const LoadOptions& options);
  SyscallResult PinMaps(const LoadOptions& options);
  void TakePinnedPrograms(const std::string& folder);
  SyscallResult PinPrograms(const std::string& folder) const;
  SyscallResult FindMap(const std::string& name, bpf_map** map) const;

  bpf_object* object_ = nullptr;
  std::vector<NamedProgram> programs_;
  // Those of programs that were pinned: libbpf did not load them, and does not close them.
  std::vector<int> taken_;
  std::vector<int> links_;
};

}  // namespace director
