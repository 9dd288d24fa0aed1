#include "bpf_object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "bpf_log.h"

namespace director {

namespace {

SyscallResult NotFound(const char* call, const std::string& what, const std::string& name) {
  AddToLog("there is no " + what + " '" + name + "'");
  return {ENOENT, call};
}

std::size_t RoundUp(std::size_t number, std::size_t multiple) { return (number + multiple - 1) / multiple * multiple; }

std::size_t PageAligned(std::size_t bytes) { return RoundUp(bytes, static_cast<std::size_t>(sysconf(_SC_PAGESIZE))); }

// --- constants ---

struct Variable {
  std::uint32_t offset;
  std::uint32_t bytes;
};

// A section's variables are the entries of the BTF type that its map has as value: BTF_KIND_DATASEC,
// Documentation/bpf/btf.rst.
std::optional<Variable> FindVariable(const btf* types, const bpf_map* section, const std::string& name) {
  const btf_type* layout = btf__type_by_id(types, bpf_map__btf_value_type_id(section));
  if (layout == nullptr || !btf_is_datasec(layout)) return std::nullopt;
  const btf_var_secinfo* entries = btf_var_secinfos(layout);
  for (int i = 0; i < btf_vlen(layout); i++) {
    const btf_type* variable = btf__type_by_id(types, entries[i].type);
    if (name == btf__name_by_offset(types, variable->name_off)) return Variable{entries[i].offset, entries[i].size};
  }
  return std::nullopt;
}

// As many bytes as the variable has, signed or not; false for other widths too.
bool Fits(const Constant& value, std::uint32_t bytes) {
  if (bytes == 8) return true;
  if (bytes != 1 && bytes != 2 && bytes != 4) return false;
  const unsigned bits = bytes * 8;
  if (value.negative) return static_cast<std::int64_t>(value.bits) >= -(std::int64_t{1} << (bits - 1));
  return value.bits < std::uint64_t{1} << bits;
}

// BPF objects have the byte order of the host they are loaded on.
void Write(std::uint8_t* at, const Constant& value, std::uint32_t bytes) {
  for (std::uint32_t i = 0; i < bytes; i++) {
    const std::uint32_t place = std::endian::native == std::endian::little ? i : bytes - 1 - i;
    at[place] = static_cast<std::uint8_t>(value.bits >> (8 * i));
  }
}

// --- pins ---

bool SameShape(const bpf_map_info& pinned, const bpf_map* map) {
  return pinned.type == bpf_map__type(map) && pinned.key_size == bpf_map__key_size(map) &&
         pinned.value_size == bpf_map__value_size(map) && pinned.max_entries == bpf_map__max_entries(map);
}

// libbpf 1.1 takes no pinned map of devices: the kernel adds BPF_F_RDONLY_PROG to its flags, and does not let
// anyone else ask for that flag (dev_map_alloc_check() in kernel/bpf/devmap.c), so that they always differ.
SyscallResult TakePinnedDevmap(bpf_map* map, const std::string& path, bool* taken) {
  *taken = false;
  if (bpf_map__type(map) != BPF_MAP_TYPE_DEVMAP && bpf_map__type(map) != BPF_MAP_TYPE_DEVMAP_HASH) return {};
  const int fd = bpf_obj_get(path.c_str());
  if (fd == -ENOENT) return {};
  if (fd < 0) return Outcome(fd, "BPF_OBJ_GET");
  bpf_map_info pinned{};
  std::uint32_t size = sizeof pinned;
  int status = bpf_obj_get_info_by_fd(fd, &pinned, &size);
  if (status == 0 && !SameShape(pinned, map)) {
    AddToLog("the map at " + path + " has another type or size");
    status = -EINVAL;
  }
  if (status == 0) status = bpf_map__reuse_fd(map, fd);  // keeps a copy
  close(fd);
  *taken = status == 0;
  return Outcome(status, "bpf_map__reuse_fd");
}

}  // namespace

void UnmapMemory(const MapMemory& memory) { munmap(memory.address, PageAligned(memory.bytes)); }

// --- load ---

SyscallResult BpfObject::Load(const std::string& path, const LoadOptions& options) {
  object_ = bpf_object__open_file(path.c_str(), nullptr);
  if (object_ == nullptr) return {errno, "bpf_object__open_file"};
  SyscallResult result = Adjust(options);
  if (result.error == 0 && options.program_folder) TakePinnedPrograms(*options.program_folder);
  // RLIMIT_MEMLOCK is libbpf's business: it raises it where the kernel (before 5.11) counts maps against it.
  if (result.error == 0) result = Outcome(bpf_object__load(object_), "bpf_object__load");
  if (result.error != 0) {
    Close();
    return result;
  }
  if (!taken_.empty()) return {};
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_) {
    programs_.push_back({bpf_program__name(program), bpf_program__fd(program)});
  }
  return options.program_folder ? PinPrograms(*options.program_folder) : SyscallResult{};
}

// All of them or none: the verifier need not look again at what it has passed.
void BpfObject::TakePinnedPrograms(const std::string& folder) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_) {
    const int fd = bpf_obj_get((folder + "/" + bpf_program__name(program)).c_str());
    if (fd < 0) {
      for (const int taken : taken_) close(taken);
      taken_.clear();
      programs_.clear();
      return;
    }
    taken_.push_back(fd);
    programs_.push_back({bpf_program__name(program), fd});
  }
  bpf_object__for_each_program(program, object_) bpf_program__set_autoload(program, false);
}

SyscallResult BpfObject::PinPrograms(const std::string& folder) const {
  for (const auto& [name, fd] : programs_) {
    const int status = bpf_obj_pin(fd, (folder + "/" + name).c_str());
    if (status != 0) return Outcome(status, "BPF_OBJ_PIN");
  }
  return {};
}

SyscallResult BpfObject::Adjust(const LoadOptions& options) {
  for (const auto& [name, entries] : options.max_entries) {
    bpf_map* map = nullptr;
    if (const SyscallResult found = FindMap(name, &map); found.error != 0) return found;
    const int status = bpf_map__set_max_entries(map, entries);
    if (status != 0) return Outcome(status, "bpf_map__set_max_entries");
  }
  if (const SyscallResult set = SetConstants(options); set.error != 0) return set;
  return options.pin_folder ? PinMaps(options) : SyscallResult{};
}

SyscallResult BpfObject::SetConstants(const LoadOptions& options) {
  constexpr const char* kCall = "bpf_map__set_initial_value";
  if (options.constants.empty()) return {};
  bpf_map* section = nullptr;
  if (const SyscallResult found = FindMap(".rodata", &section); found.error != 0) return found;
  std::size_t size = 0;
  const auto* initial = static_cast<const std::uint8_t*>(bpf_map__initial_value(section, &size));
  if (initial == nullptr) return {EINVAL, "bpf_map__initial_value"};
  std::vector<std::uint8_t> bytes(initial, initial + size);
  for (const auto& [name, value] : options.constants) {
    const std::optional<Variable> variable = FindVariable(bpf_object__btf(object_), section, name);
    if (!variable || variable->offset + variable->bytes > size) return NotFound(kCall, "constant", name);
    if (!Fits(value, variable->bytes)) {
      AddToLog("the value of '" + name + "' does not fit into its " + std::to_string(variable->bytes) + " bytes");
      return {ERANGE, kCall};
    }
    Write(bytes.data() + variable->offset, value, variable->bytes);
  }
  return Outcome(bpf_map__set_initial_value(section, bytes.data(), size), kCall);
}

// libbpf then takes what is pinned there if it has the same type, sizes and flags, and pins what it makes.
SyscallResult BpfObject::PinMaps(const LoadOptions& options) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__is_internal(map) || std::ranges::find(options.own_maps, name) != options.own_maps.end()) continue;
    const std::string path = *options.pin_folder + "/" + name;
    bool taken = false;
    if (const SyscallResult tried = TakePinnedDevmap(map, path, &taken); tried.error != 0) return tried;
    if (taken) continue;
    const int status = bpf_map__set_pin_path(map, path.c_str());
    if (status != 0) return Outcome(status, "bpf_map__set_pin_path");
  }
  return {};
}

void BpfObject::Close() {
  for (const int link : links_) close(link);
  links_.clear();
  for (const int program : taken_) close(program);
  taken_.clear();
  programs_.clear();
  bpf_object__close(object_);
  object_ = nullptr;
}

// --- maps ---

SyscallResult BpfObject::FindMap(const std::string& name, bpf_map** map) const {
  constexpr const char* kCall = "bpf_object__find_map_by_name";
  if (object_ == nullptr) return {EBADF, kCall};
  *map = bpf_object__find_map_by_name(object_, name.c_str());
  return *map == nullptr ? NotFound(kCall, "map", name) : SyscallResult{};
}

SyscallResult BpfObject::MapFd(const std::string& name, int* fd) const {
  bpf_map* map = nullptr;
  const SyscallResult found = FindMap(name, &map);
  if (found.error == 0) *fd = bpf_map__fd(map);
  return found;
}

SyscallResult BpfObject::Info(const std::string& name, MapInfo* info) const {
  int fd = -1;
  if (const SyscallResult found = MapFd(name, &fd); found.error != 0) return found;
  bpf_map_info kernel{};
  std::uint32_t size = sizeof kernel;
  const int status = bpf_obj_get_info_by_fd(fd, &kernel, &size);
  *info = {kernel.id, kernel.key_size, kernel.value_size, kernel.max_entries};
  return Outcome(status, "BPF_OBJ_GET_INFO_BY_FD");
}

// The layout of a BPF_F_MMAPABLE array: array_map_alloc() in kernel/bpf/arraymap.c.
SyscallResult BpfObject::Memory(const std::string& name, MapMemory* memory) const {
  int fd = -1;
  MapInfo info;
  if (const SyscallResult found = MapFd(name, &fd); found.error != 0) return found;
  if (const SyscallResult known = Info(name, &info); known.error != 0) return known;
  const std::size_t bytes = RoundUp(info.value_bytes, 8) * info.max_entries;
  void* address = mmap(nullptr, PageAligned(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return {errno, "mmap"};
  *memory = {address, bytes};
  return {};
}

SyscallResult BpfObject::Lookup(const std::string& name, std::span<const std::uint8_t> key,
                                std::span<std::uint8_t> value) const {
  bpf_map* map = nullptr;
  if (const SyscallResult found = FindMap(name, &map); found.error != 0) return found;
  const int status = bpf_map__lookup_elem(map, key.data(), key.size(), value.data(), value.size(), 0);
  return Outcome(status, "BPF_MAP_LOOKUP_ELEM");
}

SyscallResult BpfObject::Update(const std::string& name, std::span<const std::uint8_t> key,
                                std::span<const std::uint8_t> value) const {
  bpf_map* map = nullptr;
  if (const SyscallResult found = FindMap(name, &map); found.error != 0) return found;
  const int status = bpf_map__update_elem(map, key.data(), key.size(), value.data(), value.size(), BPF_ANY);
  return Outcome(status, "BPF_MAP_UPDATE_ELEM");
}

SyscallResult BpfObject::Remove(const std::string& name, std::span<const std::uint8_t> key) const {
  bpf_map* map = nullptr;
  if (const SyscallResult found = FindMap(name, &map); found.error != 0) return found;
  return Outcome(bpf_map__delete_elem(map, key.data(), key.size(), 0), "BPF_MAP_DELETE_ELEM");
}

SyscallResult BpfObject::NextKey(const std::string& name, const std::uint8_t* key,
                                 std::span<std::uint8_t> next) const {
  bpf_map* map = nullptr;
  if (const SyscallResult found = FindMap(name, &map); found.error != 0) return found;
  return Outcome(bpf_map__get_next_key(map, key, next.data(), next.size()), "BPF_MAP_GET_NEXT_KEY");
}

// --- programs ---

SyscallResult BpfObject::Program(const std::string& name, std::uint32_t* number) const {
  constexpr const char* kCall = "bpf_object__find_program_by_name";
  if (object_ == nullptr) return {EBADF, kCall};
  for (std::uint32_t i = 0; i < programs_.size(); i++) {
    if (programs_[i].name != name) continue;
    *number = i;
    return {};
  }
  return NotFound(kCall, "program", name);
}

SyscallResult BpfObject::ProgramId(std::uint32_t number, std::uint32_t* id) const {
  constexpr const char* kCall = "BPF_OBJ_GET_INFO_BY_FD";
  const int fd = ProgramFd(number);
  if (fd < 0) return {EBADF, kCall};  // kernels say EBADFD here
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  const int status = bpf_obj_get_info_by_fd(fd, &info, &size);
  *id = info.id;
  return Outcome(status, kCall);
}

// The context is only for the interface: bpf_prog_test_run_xdp() in net/bpf/test_run.c.
SyscallResult BpfObject::RunXdp(std::uint32_t program, std::span<const std::uint8_t> frame,
                                std::span<std::uint8_t> out, std::uint32_t ifindex, XdpRun* run) const {
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<std::uint32_t>(frame.size());
  options.data_out = out.data();
  options.data_size_out = static_cast<std::uint32_t>(out.size());
  options.ctx_in = ifindex == 0 ? nullptr : &context;
  options.ctx_size_in = ifindex == 0 ? 0 : sizeof context;
  const int status = bpf_prog_test_run_opts(ProgramFd(program), &options);
  *run = {options.retval, options.data_size_out};
  return Outcome(status, "BPF_PROG_TEST_RUN");
}

// The kernel copies the context back to where it came from: bpf_prog_test_run_syscall() in net/bpf/test_run.c.
SyscallResult BpfObject::RunSyscall(std::uint32_t program, std::span<std::uint8_t> context,
                                    std::int32_t* result) const {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.ctx_in = context.data();
  options.ctx_size_in = static_cast<std::uint32_t>(context.size());
  const int status = bpf_prog_test_run_opts(ProgramFd(program), &options);
  *result = static_cast<std::int32_t>(options.retval);
  return Outcome(status, "BPF_PROG_TEST_RUN");
}

}  // namespace director
