/**
 * System calls by what they are for. Names that an architecture does not have are left out there by the container runtime; lists
 * are sorted by purpose and not by number, because that is how a policy is read.
 */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** What any program may do that neither starts others, nor talks, nor changes files: memory, time, waiting, reading, its own signals. */
export const CORE: readonly string[] = words(`
_llseek _newselect access alarm arch_prctl arm_fadvise64_64 arm_sync_file_range breakpoint brk cacheflush
capget capset chdir chroot clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 close close_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group
faccessat faccessat2 fadvise64 fadvise64_64 fchdir fcntl fcntl64 fdatasync fgetxattr flistxattr flock fstat
fstat64 fstatat64 fstatfs fstatfs64 fsync ftime futex futex_requeue futex_time64 futex_wait futex_waitv
futex_wake get_mempolicy get_robust_list get_thread_area get_tls getcpu getcwd getdents getdents64 getegid
getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid
gettimeofday getuid getuid32 getxattr getxattrat ioctl kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lgetxattr listxattr llistxattr lseek lstat lstat64 madvise map_shadow_stack mbind
membarrier memfd_create mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync munlock munlockall
munmap nanosleep newfstatat oldfstat oldlstat oldolduname oldstat olduname open openat pipe pipe2 poll
ppoll ppoll_time64 prctl pread64 preadv prlimit64 pselect6 pselect6_time64 read readahead readdir readlink
readlinkat rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
sched_rr_get_interval_time64 sched_yield seccomp select set_mempolicy set_robust_list set_tid_address
set_tls setsid sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend
stat stat64 statfs statfs64 statx sync sync_file_range sync_file_range2 syncfs sysinfo syslog tgkill time
timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
timerfd timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 tkill ugetrlimit
umask uname usr26 usr32 ustat wait4 waitid write`);

/** New processes and threads. */
export const SPAWN: readonly string[] = words(`
fork vfork clone clone3`);

/** Talking to others, as a client. */
export const SOCKETS: readonly string[] = words(`
socket socketpair connect getsockname getpeername setsockopt getsockopt shutdown sendto recvfrom sendmsg
recvmsg sendmmsg recvmmsg`);

/** Message queues and shared memory of System V. */
export const SYSV_IPC: readonly string[] = words(`
msgctl msgget msgrcv msgsnd shmat shmctl shmdt shmget`);

/** Being talked to. */
export const NET_SERVER: readonly string[] = words(`
bind listen accept accept4`);

/** Making, changing and removing files. */
export const FILE: readonly string[] = words(`
chmod fchmod fchmodat fchmodat2 chown fchown fchownat lchown creat fallocate ftruncate truncate link linkat
symlink symlinkat mkdir mkdirat rmdir rename renameat renameat2 unlink unlinkat utime utimes utimensat
utimensat_time64 futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr write writev`);

/** Writing at a position, which build tools that run many processes do to files they share. */
export const PROCESS_CONTROL: readonly string[] = words(`
pwrite64 pwritev pwritev2`);

/** What ordinary C libraries and shells cannot do without and the groups above lack: musl prints by `writev`, shells set process groups. */
export const COMPAT: readonly string[] = words(`
readv writev preadv2 pwritev pwritev2 pwrite64 restart_syscall pause sendfile sendfile64 copy_file_range
setitimer sched_setaffinity times inotify_init inotify_init1 inotify_add_watch inotify_rm_watch setpgid
waitpid semget semop semctl semtimedop setrlimit`);

/** What runc itself and its Go runtime call between loading the filter and running the program. Several are called only at certain timings: none may be left out because it was not missed once. */
export const FLOOR: readonly string[] = words(`
execve exit exit_group futex rt_sigreturn brk mmap munmap read write close fstat fstatfs statfs prctl
capget capset getpid getppid gettid chdir fchdir openat newfstatat epoll_pwait epoll_ctl nanosleep
rt_sigaction rt_sigprocmask sigaltstack tgkill set_tid_address set_robust_list arch_prctl getdents64 fcntl
setsid close_range madvise faccessat faccessat2 getcwd`);

/** Newer calls that programs try and do without: told that there are none, they fall back; told that they may not, they fail. */
export const PROBED: readonly string[] = words(`
openat2 pidfd_open pidfd_getfd pidfd_send_signal process_madvise process_mrelease io_uring_setup
io_uring_enter io_uring_register cachestat mseal memfd_secret pkey_alloc pkey_mprotect pkey_free
name_to_handle_at`);
