/**
 * Error numbers that `bpf(2)` and the map helpers answer with, by their names in Linux.
 *
 * Map operations return a slot or zero when they succeed and the negated number when they do not, as the kernel does.
 * Source: include/uapi/asm-generic/errno-base.h, errno.h; ENOTSUPP: include/linux/errno.h (has no user-space name).
 */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  EDEADLK: 35,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  ENOTSUPP: 524,
} as const;

/** One of the error numbers above. */
export type Errno = (typeof Errno)[keyof typeof Errno];

/** Name of an error number: `ENOENT` for 2 and for -2, `errno 5` for one that no map operation gives. */
export function errnoName(code: number): string {
  const number = Math.abs(code);
  for (const [name, value] of Object.entries(Errno)) {
    if (value === number) return name;
  }
  return `errno ${number}`;
}
