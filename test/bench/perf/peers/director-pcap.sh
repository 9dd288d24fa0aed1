# SPDX-License-Identifier: MIT
# the director with its pcap datapath, whose process has core 1 for itself
DIRECTOR_DATAPATH="--datapath pcap" DIRECTOR_TABLE=262144
. "$(dirname "${BASH_SOURCE[0]}")/director.sh"
eval "director_$(declare -f peer_up)"
peer_up() { napi_in && director_peer_up; }
