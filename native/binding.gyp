{
  # Opened by scripts/build-native.mjs alone. A target is an addon of its own, so that a missing library
  # costs only what needs it.
  'variables': {
    # What links libbpf, found by scripts/build-native.mjs. Empty: there is no libbpf to build with.
    'libbpf_libs': '<!(echo "${DIRECTOR_LIBBPF_LIBS-}")',
  },
  'target_defaults': {
    'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
    'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS'],
    'cflags_cc!': ['-std=gnu++14', '-std=gnu++17', '-fno-rtti'],
    'cflags_cc': ['-std=c++20', '-Wall', '-Wextra', '-Wno-unused-parameter', '-fvisibility=hidden'],
  },
  'targets': [
    {
      'target_name': 'director_host',
      'sources': [
        'addon.cc',
        'execute.cc',
        'netlink_socket.cc',
        'netlink_socket_wrap.cc',
        'notify.cc',
        'open_socket.cc',
        'packet_ring.cc',
        'packet_ring_wrap.cc',
        'readable_poll.cc',
        'shared_memory.cc',
        'syscall_error.cc',
      ],
    },
  ],
  'conditions': [
    ['libbpf_libs!=""', {
      'targets': [
        {
          'target_name': 'director_bpf',
          'sources': [
            'bpf_addon.cc',
            'bpf_arguments.cc',
            'bpf_error.cc',
            'bpf_event_stream.cc',
            'bpf_events.cc',
            'bpf_host.cc',
            'bpf_log.cc',
            'bpf_object.cc',
            'bpf_object_wrap.cc',
            'bpf_tc.cc',
            'bpf_xdp.cc',
            'netlink_socket.cc',
            'readable_poll.cc',
          ],
          'cflags_cc': ['<!@(echo "${DIRECTOR_LIBBPF_CFLAGS-}")'],
          'libraries': ['<!@(echo "${DIRECTOR_LIBBPF_LIBS-}")'],
        },
      ],
    }],
  ],
}
