/* Calls of the system that fail, for tests: preloaded, it counts calls that touch files below one
   directory, and has some of them fail. Streams are made anew over these calls, since the C
   library's own would go past it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPEN, WRITE, FSYNC, RENAME, CLOSE, KINDS };

static char below[4096];
static volatile int counts[KINDS], failing = -1, first, last, error;
static char watched[4096];

/* From now on count anew; of one kind the calls from `from` to `to` (from 1) fail. */
void faults_begin(const char *directory, int kind, int from, int to, int number)
{
    memset((void *)counts, 0, sizeof counts);
    memset(watched, 0, sizeof watched);
    strncpy(below, directory, sizeof below - 1);
    failing = kind, first = from, last = to, error = number;
}

int faults_end(int kind)
{
    below[0] = 0;
    return counts[kind];
}

static int fails(int kind)
{
    int number = __sync_add_and_fetch(&counts[kind], 1);
    if (kind != failing || number < first || number > last)
        return 0;
    errno = error;
    return 1;
}

/* Also of a path that goes by a directory that is open. */
static int is_below(const char *path)
{
    char link[64], real[4096];
    int process, directory, length;
    if (sscanf(path, "/proc/%d/fd/%d%n", &process, &directory, &length) == 2) {
        snprintf(link, sizeof link, "/proc/%d/fd/%d", process, directory);
        ssize_t size = readlink(link, real, sizeof real - 2);
        if (size < 0)
            return 0;
        strcpy(real + size, "/");
        path = real;
    }
    return strncmp(path, below, strlen(below)) == 0;
}

static int inside(int directory, const char *path)
{
    if (!below[0])
        return 0;
    if (path[0] == '/')
        return is_below(path);
    return directory >= 0 && directory < (int)sizeof watched && watched[directory];
}

static int known(int file)
{
    return below[0] && file >= 0 && file < (int)sizeof watched && watched[file];
}

#define REAL(name) static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int opened(int directory, const char *path, int flags, mode_t mode)
{
    REAL(openat);
    int here = inside(directory, path), file;
    if (here && fails(OPEN))
        return -1;
    file = real(directory, path, flags, mode);
    if (file >= 0 && file < (int)sizeof watched)
        watched[file] = here;
    return file;
}

static mode_t mode_of(int flags, va_list *more)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(*more, mode_t) : 0;
}

#define OPENING(name, parameters, directory) \
    int name parameters \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, &more); \
        va_end(more); \
        return opened(directory, path, flags, mode); \
    }

OPENING(open, (const char *path, int flags, ...), AT_FDCWD)
OPENING(open64, (const char *path, int flags, ...), AT_FDCWD)
OPENING(openat, (int at, const char *path, int flags, ...), at)
OPENING(openat64, (int at, const char *path, int flags, ...), at)

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL(write);
    return known(file) && fails(WRITE) ? -1 : real(file, bytes, size);
}

#define PWRITE(name, offset_type) \
    ssize_t name(int file, const void *bytes, size_t size, offset_type offset) \
    { \
        REAL(name); \
        return known(file) && fails(WRITE) ? -1 : real(file, bytes, size, offset); \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* Nobody cuts the power here: to wait for the disk is most of the time that a job takes. */
#define SYNC(name) \
    int name(int file) \
    { \
        REAL(name); \
        if (!known(file)) \
            return real(file); \
        return fails(FSYNC) ? -1 : 0; \
    }

SYNC(fsync)
SYNC(fdatasync)

int close(int file)
{
    REAL(close);
    int here = known(file);
    if (file >= 0 && file < (int)sizeof watched)
        watched[file] = 0;
    int result = real(file); /* as Linux does: closed, whatever it says */
    return here && fails(CLOSE) ? -1 : result;
}

int rename(const char *old, const char *new)
{
    REAL(rename);
    return inside(-1, new) && fails(RENAME) ? -1 : real(old, new);
}

int renameat(int from, const char *old, int to, const char *new)
{
    REAL(renameat);
    return inside(to, new) && fails(RENAME) ? -1 : real(from, old, to, new);
}

static ssize_t stream_read(void *file, char *bytes, size_t size)
{
    return read((int)(long)file, bytes, size);
}

static ssize_t stream_write(void *file, const char *bytes, size_t size)
{
    ssize_t done = write((int)(long)file, bytes, size);
    return done < 0 ? 0 : done; /* what a cookie's function returns for an error */
}

static int stream_seek(void *file, off64_t *offset, int whence)
{
    *offset = lseek64((int)(long)file, *offset, whence);
    return *offset < 0 ? -1 : 0;
}

static int stream_close(void *file)
{
    return close((int)(long)file);
}

static FILE *stream(const char *path, const char *mode)
{
    cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    int both = strchr(mode, '+') != NULL, flags = O_CLOEXEC;
    if (mode[0] == 'r')
        flags |= both ? O_RDWR : O_RDONLY;
    else
        flags |= (both ? O_RDWR : O_WRONLY) | O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
    int file = opened(AT_FDCWD, path, flags, 0666);
    FILE *made = file < 0 ? NULL : fopencookie((void *)(long)file, mode, calls);
    if (made) {
        made->_fileno = file; /* for fileno() */
        setvbuf(made, NULL, _IOFBF, 4096);
    }
    return made;
}

#define STREAM(name) \
    FILE *name(const char *path, const char *mode) \
    { \
        REAL(name); \
        return inside(-1, path) ? stream(path, mode) : real(path, mode); \
    }

STREAM(fopen)
STREAM(fopen64)
