/*
 * Trace of every change of files below one folder, for the simulation of a power cut (tests/support/power.py).
 *
 * Built as a library that is loaded before the C library. Each record is a line, followed by the bytes that a
 * write wrote. A lock keeps the records in the order of the calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static char root[PATH_MAX];

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void power_start(const char *file, const char *folder) {
    strncpy(root, folder, sizeof root - 1);
    trace = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void put(const char *bytes, size_t size) {
    while (size) {
        ssize_t written = syscall(SYS_write, trace, bytes, size);
        if (written <= 0) abort();
        bytes += written;
        size -= written;
    }
}

static void note(const char *format, ...) {
    char line[3 * PATH_MAX];
    va_list given;
    va_start(given, format);
    int length = vsnprintf(line, sizeof line, format, given);
    va_end(given);
    put(line, length);
}

void power_note(const char *what) {
    if (trace >= 0) note("note\t%s\n", what);
}

/* The absolute path of a name; empty if it lies elsewhere. */
static const char *place(int folder, const char *name, char *path) {
    path[0] = 0;
    if (trace < 0 || !name) return path;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        char link[64];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, path, PATH_MAX - 1);
        if (length < 0) length = 0;
        snprintf(path + length, PATH_MAX - length, "/%s", name);
    }
    size_t size = strlen(root);
    if (strncmp(path, root, size) || (path[size] != '/' && path[size])) path[0] = 0;
    return path;
}

static ino_t inode(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    if (!place(folder, name, path)[0] || !(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE)
        return syscall(SYS_openat, folder, name, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = syscall(SYS_faccessat, AT_FDCWD, path, F_OK, 0) == 0;
    int fd = syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && !existed) note("create\t%lu\t%s\n", inode(fd), path);
    if (fd >= 0 && existed && (flags & O_TRUNC)) note("truncate\t%lu\t0\n", inode(fd));
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE                                  \
    mode_t mode = 0;                          \
    if (flags & (O_CREAT | O_TMPFILE)) {      \
        va_list given;                        \
        va_start(given, flags);               \
        mode = va_arg(given, mode_t);         \
        va_end(given);                        \
    }

int open(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE return opened(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE return opened(folder, name, flags, mode); }

/* Whether an open file lies below the folder; a file that was removed has another name. */
static int traced(int fd) {
    if (trace < 0) return 0;
    char link[64], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 0 && !strncmp(path, root, strlen(root));
}

static void wrote(int fd, const void *bytes, ssize_t size, off_t offset) {
    note("write\t%lu\t%ld\t%ld\n", inode(fd), (long)offset, (long)size);
    put(bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    if (!traced(fd)) return syscall(SYS_write, fd, bytes, size);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_write, fd, bytes, size);
    if (written > 0) wrote(fd, bytes, written, lseek(fd, 0, SEEK_CUR) - written);
    pthread_mutex_unlock(&lock);
    return written;
}

static ssize_t wrote_at(int fd, const void *bytes, size_t size, off_t offset) {
    if (!traced(fd)) return syscall(SYS_pwrite64, fd, bytes, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, offset);
    if (written > 0) wrote(fd, bytes, written, offset);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) { return wrote_at(fd, bytes, size, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) { return wrote_at(fd, bytes, size, offset); }

static int cut(int fd, off_t size) {
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_ftruncate, fd, size);
    if (!result && traced(fd)) note("truncate\t%lu\t%ld\n", inode(fd), (long)size);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off_t size) { return cut(fd, size); }

static int flushed(int fd) {
    if (!traced(fd)) return syscall(SYS_fsync, fd);
    pthread_mutex_lock(&lock);
    note("sync\t%lu\n", inode(fd));  /* not really: the simulation needs no slow disk */
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return flushed(fd); }
int fdatasync(int fd) { return flushed(fd); }

static int renamed(int from, const char *old, int to, const char *new, unsigned flags) {
    char first[PATH_MAX], second[PATH_MAX];
    place(from, old, first), place(to, new, second);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_renameat2, from, old, to, new, flags);
    if (!result && first[0]) note("%s\t%s\t%s\n", flags & 2 ? "exchange" : "rename", first, second);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int from, const char *old, int to, const char *new) { return renamed(from, old, to, new, 0); }
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return renamed(from, old, to, new, flags);
}

static int removed(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    place(folder, name, path);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_unlinkat, folder, name, flags);
    if (!result && path[0]) note("remove\t%s\n", path);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return removed(AT_FDCWD, name, AT_REMOVEDIR); }
int unlinkat(int folder, const char *name, int flags) { return removed(folder, name, flags); }

static int made(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    struct stat status;
    place(folder, name, path);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_mkdirat, folder, name, mode);
    if (!result && path[0] && !stat(path, &status)) note("mkdir\t%lu\t%s\n", status.st_ino, path);
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *name, mode_t mode) { return made(AT_FDCWD, name, mode); }
int mkdirat(int folder, const char *name, mode_t mode) { return made(folder, name, mode); }
