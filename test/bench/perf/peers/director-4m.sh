# SPDX-License-Identifier: MIT
# the director with four million connections of other clients alive, in the largest table
DIRECTOR_FILL=4000000 DIRECTOR_TABLE=16777215
. "$(dirname "${BASH_SOURCE[0]}")/director.sh"
