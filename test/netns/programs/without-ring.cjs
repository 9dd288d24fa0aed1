// For --require: the addon as on a kernel that knows no rings with a virtio_net_hdr.
const load = process.dlopen;
process.dlopen = (module, file, ...flags) => {
  load(module, file, ...flags);
  if (!file.endsWith('/director_host.node')) return;
  class PacketRing {
    constructor() {
      throw Object.assign(new Error('setsockopt: Invalid argument (EINVAL)'), {
        code: 'EINVAL',
        syscall: 'setsockopt',
        errno: -22,
      });
    }
  }
  module.exports = { ...module.exports, PacketRing };
};
