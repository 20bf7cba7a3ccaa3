/**
 * The system calls that Node lacks on Linux, each typed in this one file. Importing it loads the FFI package, so
 * commands that need none of this must not import it. All calls return at once; nothing here may block the event loop.
 *
 * Sources: the Linux manual pages named at each function; structure layouts are those of x86-64 and arm64.
 */
import koffi from "koffi";
import { closeSync, constants as files, openSync } from "node:fs";
import { constants } from "node:os";

/** A system call that failed, in the shape of Node's own system errors. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, subject: string) {
    const code =
      Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    super(`${syscall} ${subject}: ${code}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

type Pointer = unknown;

interface Functions {
  mount(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ): number;
  umount2(target: string, flags: number): number;
  prctl(option: number, arg2: number, arg3: number, arg4: number, arg5: number): number;
  waitid(idType: number, id: number, info: Buffer, options: number, usage: null): number;
  pipe2(fds: Int32Array, flags: number): number;
  socketpair(domain: number, type: number, protocol: number, fds: Int32Array): number;
  dup3(from: number, to: number, flags: number): number;
  fcntl(fd: number, command: number, kind: "int", argument: number): number;
  ioctl(fd: number, request: number, kind: "int", argument: number): number;
  ioctl(fd: number, request: number, kind: "void *", argument: Buffer): number;
  recvmsg(socket: number, message: MessageHeader, flags: number): number;
  sendmsg(socket: number, message: MessageHeader, flags: number): number;
  linkat(fromDirectory: number, from: string, toDirectory: number, to: string, flags: number): number;
  syscall(number: number, ...typed: readonly unknown[]): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(socket: number, address: Buffer, length: number): number;
  listen(socket: number, backlog: number): number;
  sethostname(name: string, length: number): number;
  mkfifo(path: string, mode: number): number;
  malloc_trim(pad: number): number;
}

interface MessageHeader {
  name: null;
  nameLength: number;
  vectors: Pointer;
  vectorCount: number;
  control: Pointer;
  controlLength: number;
  flags: number;
}

let loaded: Functions | undefined;

function libc(): Functions {
  if (loaded !== undefined) return loaded;
  if (process.platform !== "linux") {
    throw new Error(`cannot load libc bindings: they exist for linux only, this is ${process.platform}`);
  }
  const library = koffi.load("libc.so.6");
  koffi.struct("runhcs_msghdr", {
    name: "void *",
    nameLength: "uint32_t",
    vectors: "void *",
    vectorCount: "size_t",
    control: "void *",
    controlLength: "size_t",
    flags: "int",
  });
  koffi.struct("runhcs_iovec", { base: "void *", length: "size_t" });
  loaded = {
    mount: library.func("int mount(str, str, str, unsigned long, str)"),
    umount2: library.func("int umount2(str, int)"),
    prctl: library.func("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)"),
    waitid: library.func("int waitid(int, uint32_t, _Out_ uint8_t *, int, void *)"),
    pipe2: library.func("int pipe2(_Out_ int *, int)"),
    socketpair: library.func("int socketpair(int, int, int, _Out_ int *)"),
    dup3: library.func("int dup3(int, int, int)"),
    fcntl: library.func("int fcntl(int, int, ...)"),
    ioctl: library.func("int ioctl(int, unsigned long, ...)"),
    recvmsg: library.func("intptr_t recvmsg(int, _Inout_ runhcs_msghdr *, int)"),
    sendmsg: library.func("intptr_t sendmsg(int, runhcs_msghdr *, int)"),
    linkat: library.func("int linkat(int, str, int, str, int)"),
    syscall: library.func("long syscall(long, ...)"),
    socket: library.func("int socket(int, int, int)"),
    bind: library.func("int bind(int, void *, uint32_t)"),
    listen: library.func("int listen(int, int)"),
    sethostname: library.func("int sethostname(str, size_t)"),
    mkfifo: library.func("int mkfifo(str, uint32_t)"),
    malloc_trim: library.func("int malloc_trim(size_t)"),
  };
  return loaded;
}

function check(result: number, syscall: string, subject: string): number {
  if (result < 0) throw new SystemCallError(syscall, koffi.errno(), subject);
  return result;
}

/** Flags of mount(2). */
export const MS = {
  rdonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  synchronous: 16,
  remount: 32,
  mandlock: 64,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  bind: 4096,
  move: 8192,
  rec: 16384,
  silent: 32768,
  private: 0x40000,
  slave: 0x80000,
  shared: 0x100000,
  relatime: 0x200000,
  strictatime: 0x1000000,
  lazytime: 0x2000000,
} as const;

export interface MountCall {
  readonly source?: string;
  readonly target: string;
  readonly type?: string;
  /** {@link MS} flags, combined. */
  readonly flags?: number;
  /** File-system specific options, comma-separated. At most one page minus a byte. */
  readonly data?: string;
}

/** mount(2). */
export function mount(call: MountCall): void {
  const source = call.source ?? null;
  check(
    libc().mount(source, call.target, call.type ?? null, call.flags ?? 0, call.data ?? null),
    "mount",
    source === null ? call.target : `${source} on ${call.target}`,
  );
}

/** umount2(2). `detach` is MNT_DETACH: out of the tree now, released when the last user is gone. */
export function unmount(target: string, options: { readonly detach?: boolean } = {}): void {
  const MNT_DETACH = 2;
  const UMOUNT_NOFOLLOW = 8;
  check(
    libc().umount2(target, UMOUNT_NOFOLLOW | (options.detach === true ? MNT_DETACH : 0)),
    "umount2",
    target,
  );
}

/** `AT_FDCWD`: paths that are not absolute are those of this process. */
const CURRENT_DIRECTORY = -100;

/** System calls that have the same number on all architectures, and no function in older C libraries. */
const SYSCALL = { openTree: 428, moveMount: 429 } as const;

/**
 * open_tree(2): a copy of the mounts at and below `path` that is attached nowhere, and goes with its descriptor unless
 * {@link attachMounts} gives it a place. Copies of shared mounts share with them, in whichever mount namespace they end up.
 *
 * @returns the descriptor, close-on-exec
 */
export function copyMounts(path: string): number {
  const OPEN_TREE_CLONE = 1;
  const AT_RECURSIVE = 0x8000;
  const flags = OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_CLOEXEC;
  return check(
    libc().syscall(SYSCALL.openTree, "int", CURRENT_DIRECTORY, "str", path, "unsigned int", flags),
    "open_tree",
    path,
  );
}

/** `O_CLOEXEC` of both architectures. */
const OPEN_CLOEXEC = 0o2000000;

/** move_mount(2): attaches what {@link copyMounts} made, in the mount namespace of this process. */
export function attachMounts(mounts: number, target: string): void {
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  const from = ["int", mounts, "str", ""] as const;
  const to = ["int", CURRENT_DIRECTORY, "str", target] as const;
  check(
    libc().syscall(SYSCALL.moveMount, ...from, ...to, "unsigned int", MOVE_MOUNT_F_EMPTY_PATH),
    "move_mount",
    `on ${target}`,
  );
}

/** linkat(2): gives a file that was opened without a name (`O_TMPFILE`) the name `path`. */
export function nameFile(file: number, path: string): void {
  const AT_SYMLINK_FOLLOW = 0x400;
  const own = `/proc/self/fd/${file}`;
  check(libc().linkat(CURRENT_DIRECTORY, own, CURRENT_DIRECTORY, path, AT_SYMLINK_FOLLOW), "linkat", path);
}

/** prctl(PR_SET_CHILD_SUBREAPER): orphaned descendants become children of this process. */
export function becomeSubreaper(): void {
  const PR_SET_CHILD_SUBREAPER = 36;
  check(libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl", "PR_SET_CHILD_SUBREAPER");
}

/** A child that has exited. */
export interface ExitedChild {
  readonly pid: number;
  /** Exit status, or 128 + signal for a child that a signal ended. */
  readonly status: number;
}

const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;

function waitidNoHang(idType: number, id: number, options: number): ExitedChild | undefined {
  const ECHILD = constants.errno.ECHILD;
  const info = Buffer.alloc(128);
  if (libc().waitid(idType, id, info, WNOHANG | WEXITED | options, null) < 0) {
    const errno = koffi.errno();
    if (errno === ECHILD) return undefined;
    throw new SystemCallError("waitid", errno, String(id));
  }
  // siginfo_t on 64-bit: si_signo 0, si_errno 4, si_code 8, then aligned si_pid 16, si_uid 20, si_status 24.
  const pid = info.readInt32LE(16);
  if (pid === 0) return undefined;
  const CLD_EXITED = 1;
  const status = info.readInt32LE(24);
  return { pid, status: info.readInt32LE(8) === CLD_EXITED ? status : 128 + status };
}

/** Some child that has exited, left in place: waitid(P_ALL, WNOHANG | WNOWAIT). */
export function peekExitedChild(): ExitedChild | undefined {
  return waitidNoHang(P_ALL, 0, WNOWAIT);
}

/** Collects child `pid` when it has exited: waitid(P_PID, WNOHANG). */
export function reapChild(pid: number): ExitedChild | undefined {
  return waitidNoHang(P_PID, pid, 0);
}

/** pipe2(O_CLOEXEC): a real pipe, which a program may reopen as /dev/stdout (a socket it may not). */
export function pipe(): { readonly read: number; readonly write: number } {
  const O_CLOEXEC = 0o2000000;
  const fds = new Int32Array(2);
  check(libc().pipe2(fds, O_CLOEXEC), "pipe2", "");
  return { read: fds[0] as number, write: fds[1] as number };
}

/**
 * Asks for room for `bytes` in a pipe or FIFO (fcntl(2), F_SETPIPE_SZ). The kernel limits what an unprivileged process gets, and a user in
 * all; a pipe that may not grow stays as it is, since its size is about speed alone.
 */
export function growPipe(fd: number, bytes: number): void {
  const F_SETPIPE_SZ = 1031;
  libc().fcntl(fd, F_SETPIPE_SZ, "int", bytes);
}

/** socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC). */
export function socketPair(): readonly [number, number] {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const SOCK_CLOEXEC = 0o2000000;
  const fds = new Int32Array(2);
  check(libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair", "");
  return [fds[0] as number, fds[1] as number];
}

/** malloc_trim(3): returns the free pages of all arenas to the system. */
export function trimHeap(): void {
  libc().malloc_trim(0);
}

/** dup3(from, to, O_CLOEXEC). */
export function duplicateOnto(from: number, to: number): void {
  const O_CLOEXEC = 0o2000000;
  check(libc().dup3(from, to, O_CLOEXEC), "dup3", `${from} onto ${to}`);
}

/** fcntl(F_SETFL, … | O_NONBLOCK). */
export function setNonBlocking(fd: number): void {
  const F_GETFL = 3;
  const F_SETFL = 4;
  const O_NONBLOCK = 0o4000;
  const flags = check(libc().fcntl(fd, F_GETFL, "int", 0), "fcntl", `F_GETFL of ${fd}`);
  check(libc().fcntl(fd, F_SETFL, "int", flags | O_NONBLOCK), "fcntl", `F_SETFL of ${fd}`);
}

/** ioctl(TIOCSWINSZ) on a terminal. */
export function setWindowSize(fd: number, size: { readonly height: number; readonly width: number }): void {
  const TIOCSWINSZ = 0x5414;
  const winsize = Buffer.alloc(8);
  winsize.writeUInt16LE(size.height, 0);
  winsize.writeUInt16LE(size.width, 2);
  check(libc().ioctl(fd, TIOCSWINSZ, "void *", winsize), "ioctl", `TIOCSWINSZ of ${fd}`);
}

/** LOOP_CTL_GET_FREE (loop(4)): the number of a loop device that nothing is attached to, made if there is none. */
export function freeLoopDevice(): number {
  const LOOP_CTL_GET_FREE = 0x4c82;
  const control = openSync("/dev/loop-control", files.O_RDWR);
  try {
    return check(libc().ioctl(control, LOOP_CTL_GET_FREE, "int", 0), "ioctl", "LOOP_CTL_GET_FREE");
  } finally {
    closeSync(control);
  }
}

/**
 * LOOP_CONFIGURE (loop(4)): attaches the file open as `file` to the loop device open as `device`, with its partitions.
 * A file that is open for reading only makes a read-only device.
 *
 * @throws `EBUSY` when something is attached already
 */
export function attachLoopDevice(device: number, file: number, sizeLimitBytes: number): void {
  const LOOP_CONFIGURE = 0x4c0a;
  const LO_FLAGS_PARTSCAN = 8;
  // struct loop_config: fd 0, block_size 4, then struct loop_info64 at 8: lo_sizelimit 32, lo_flags 52.
  const config = Buffer.alloc(304);
  config.writeUInt32LE(file, 0);
  config.writeBigUInt64LE(BigInt(sizeLimitBytes), 8 + 32);
  config.writeUInt32LE(LO_FLAGS_PARTSCAN, 8 + 52);
  check(libc().ioctl(device, LOOP_CONFIGURE, "void *", config), "ioctl", "LOOP_CONFIGURE");
}

/** LOOP_CLR_FD (loop(4)): detaches the file; when the device is in use, as soon as it no longer is. */
export function detachLoopDevice(device: number): void {
  const LOOP_CLR_FD = 0x4c01;
  check(libc().ioctl(device, LOOP_CLR_FD, "int", 0), "ioctl", "LOOP_CLR_FD");
}

/** A new pseudo terminal (pts(4)): both sides open, neither the controlling terminal of this process. */
export function openPseudoTerminal(): { readonly master: number; readonly slave: number } {
  const TIOCSPTLCK = 0x4004_5431;
  const TIOCGPTN = 0x8004_5430;
  const flags = files.O_RDWR | files.O_NOCTTY;
  const master = openSync("/dev/ptmx", flags);
  try {
    const number = Buffer.alloc(4);
    check(libc().ioctl(master, TIOCSPTLCK, "void *", number), "ioctl", "TIOCSPTLCK");
    check(libc().ioctl(master, TIOCGPTN, "void *", number), "ioctl", "TIOCGPTN");
    return { master, slave: openSync(`/dev/pts/${number.readInt32LE(0)}`, flags) };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/**
 * Receives one file descriptor sent over a unix socket (SCM_RIGHTS, unix(7)). Does not wait: the message must
 * have arrived.
 *
 * @returns the descriptor, close-on-exec; undefined when no message is there or it carried none
 */
export function receiveDescriptor(socket: number): number | undefined {
  const MSG_DONTWAIT = 0x40;
  const MSG_CMSG_CLOEXEC = 0x4000_0000;
  const payload = koffi.alloc("uint8_t", 4096) as Pointer;
  const control = koffi.alloc("uint8_t", 64) as Pointer;
  const vector = koffi.alloc("runhcs_iovec", 1) as Pointer;
  try {
    koffi.encode(vector, "runhcs_iovec", { base: payload, length: 4096 });
    const message: MessageHeader = {
      name: null,
      nameLength: 0,
      vectors: vector,
      vectorCount: 1,
      control,
      controlLength: 64,
      flags: 0,
    };
    if (libc().recvmsg(socket, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
      const errno = koffi.errno();
      if (errno === constants.errno.EAGAIN) return undefined;
      throw new SystemCallError("recvmsg", errno, `on ${socket}`);
    }
    return firstDescriptor(
      Buffer.from(koffi.decode(control, "uint8_t", 64) as Uint8Array),
      message.controlLength,
    );
  } finally {
    for (const pointer of [payload, control, vector]) koffi.free(pointer);
  }
}

/** Sends a descriptor over a unix socket, beside one byte. Does not wait: where the socket is full, it fails. */
export function sendDescriptor(socket: number, descriptor: number): void {
  const MSG_DONTWAIT = 0x40;
  const MSG_NOSIGNAL = 0x4000;
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(descriptor, 16);
  const bytes = koffi.alloc("uint8_t", 1) as Pointer;
  const ancillary = koffi.alloc("uint8_t", control.length) as Pointer;
  const vector = koffi.alloc("runhcs_iovec", 1) as Pointer;
  try {
    koffi.encode(ancillary, "uint8_t", [...control], control.length);
    koffi.encode(vector, "runhcs_iovec", { base: bytes, length: 1 });
    const message: MessageHeader = {
      name: null,
      nameLength: 0,
      vectors: vector,
      vectorCount: 1,
      control: ancillary,
      controlLength: control.length,
      flags: 0,
    };
    check(libc().sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL), "sendmsg", `on ${socket}`);
  } finally {
    for (const pointer of [bytes, ancillary, vector]) koffi.free(pointer);
  }
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** cmsghdr on 64-bit: length 0 (8 bytes), level 8, type 12, data 16. Keeps the first descriptor, closes others. */
function firstDescriptor(control: Buffer, length: number): number | undefined {
  const HEADER = 16;
  if (length < HEADER + 4) return undefined;
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return undefined;
  const end = Math.min(Number(control.readBigUInt64LE(0)), length, control.length);
  for (let offset = HEADER + 4; offset + 4 <= end; offset += 4) closeSync(control.readInt32LE(offset));
  return control.readInt32LE(HEADER);
}

/** Sets the loopback interface of this process's network namespace up (netdevice(7), SIOCSIFFLAGS). */
export function raiseLoopback(): void {
  const AF_INET = 2;
  const SOCK_DGRAM = 2;
  const SOCK_CLOEXEC = 0o2000000;
  const SIOCSIFFLAGS = 0x8914;
  const IFF_UP = 1;
  const socket = check(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "");
  try {
    const request = Buffer.alloc(40);
    request.write("lo", 0, "latin1");
    request.writeInt16LE(IFF_UP, 16);
    check(libc().ioctl(socket, SIOCSIFFLAGS, "void *", request), "ioctl", "SIOCSIFFLAGS of lo");
  } finally {
    closeSync(socket);
  }
}

/**
 * A stream socket that listens (socket(2), bind(2), listen(2)), for families that Node does not know. Not inherited; the caller closes it.
 *
 * @param address `struct sockaddr` of the family, which is its first 16 bits
 */
export function listenSocket(address: Buffer, backlog: number): number {
  const SOCK_STREAM = 1;
  const SOCK_NONBLOCK = 0o4000;
  const SOCK_CLOEXEC = 0o2000000;
  const family = address.readUInt16LE(0);
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const socket = check(libc().socket(family, type, 0), "socket", `of family ${family}`);
  try {
    check(libc().bind(socket, address, address.length), "bind", `to ${address.toString("hex")}`);
    check(libc().listen(socket, backlog), "listen", `on ${address.toString("hex")}`);
    return socket;
  } catch (error) {
    closeSync(socket);
    throw error;
  }
}

/** `struct sockaddr_vm` of vsock port `port` in whatever machine this is (vsock(7)): family 0, port 4, cid 8. */
export function vsockAddress(port: number): Buffer {
  const AF_VSOCK = 40;
  const VMADDR_CID_ANY = 0xffff_ffff;
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_VSOCK, 0);
  address.writeUInt32LE(port, 4);
  address.writeUInt32LE(VMADDR_CID_ANY, 8);
  return address;
}

/** sethostname(2), in this process's UTS namespace. */
export function setHostname(name: string): void {
  check(libc().sethostname(name, Buffer.byteLength(name)), "sethostname", name);
}

/** mkfifo(3). */
export function makeFifo(path: string, mode: number): void {
  check(libc().mkfifo(path, mode), "mkfifo", path);
}
