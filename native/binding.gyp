{
  # Opened by scripts/build-native.mjs alone. A target is an addon of its own, so that a missing library
  # costs only what needs it.
  'targets': [
    {
      'target_name': 'director_host',
      'sources': ['addon.cc', 'netlink_socket.cc', 'notify.cc'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS'],
      'cflags_cc!': ['-std=gnu++14', '-std=gnu++17', '-fno-rtti'],
      'cflags_cc': ['-std=c++20', '-Wall', '-Wextra', '-Wno-unused-parameter'],
    },
  ],
}
