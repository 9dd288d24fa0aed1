# SPDX-License-Identifier: MIT
# the director with a million connections of other clients alive, in a table of four million
DIRECTOR_FILL=1000000 DIRECTOR_TABLE=4194304
. "$(dirname "${BASH_SOURCE[0]}")/director.sh"
