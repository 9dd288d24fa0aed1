# SPDX-License-Identifier: MIT
# the director with its ring datapath, whose process has core 1 for itself
DIRECTOR_DATAPATH="--datapath ring" DIRECTOR_TABLE=262144
. "$(dirname "${BASH_SOURCE[0]}")/director.sh"
eval "director_$(declare -f peer_up)"
peer_up() { napi_in && director_peer_up; }
