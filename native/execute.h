// Another program in place of this one.
#pragma once

#include <string>
#include <vector>

#include "syscall_result.h"

namespace director {

// As execv(3) does: same process, same environment, same standard input, output and error. Returns only when it fails. `arguments` begin with the name.
SyscallResult Execute(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace director
