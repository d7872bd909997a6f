/* What the limit on memory has no room for goes to disk.  Included by table.h.
 *
 * All large arrays but the slots only grow, and nothing in them is changed once it is written.  Where the limit is
 * reached, one after the other moves to a file that has no name (so nothing is left of it, however the process ends) and
 * is mapped in the place of the array: whoever reads or writes it does not know.  First go those that a search never
 * reads, last the keys, which it reads all the time.  What lies behind is written out and let go as the array grows, so
 * that neither the memory of this process nor dirty pages pile up.
 *
 * Room on the disk is taken before it is written to, since a store to a mapping cannot say that there is none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifdef EOI_BLOCK /* for tests */
#define BLOCK EOI_BLOCK
#else
#define BLOCK (16ull << 20)
#endif
#define IN_MEMORY 0x01021994 /* the kind of file system that tmpfs is */

static void array_free(struct Engine *e, struct Array *a);

static bool fits(const struct Engine *e, u64 more) {
    return more <= e->byte_limit && e->view.bytes <= e->byte_limit - more;
}

/* ---- one array ---- */

/* A file without a name, and its number plus one; 0: there is none, or what is written there would stay in memory. */
static int new_file(const char *folder) {
    struct statfs of;
    char path[4096];
    if (statfs(folder, &of) || of.f_type == IN_MEMORY) return 0;
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 && snprintf(path, sizeof path, "%s/spill-XXXXXX", folder) < (int)sizeof path) { /* not every file system can */
        file = mkostemp(path, O_CLOEXEC);
        if (file >= 0) unlink(path);
    }
    return file + 1;
}

static bool take_disk(const struct Engine *e, const struct Array *a, u64 more) {
    u64 taken = e->view.disk_bytes;
    if (taken > e->spill.limit || more > e->spill.limit - taken) return false;
    int error;
    do error = posix_fallocate(a->file - 1, (off_t)a->bytes, (off_t)more);
    while (error == EINTR);
    return error == 0;
}

static bool file_grow(struct Engine *e, struct Array *a, u64 bytes) {
    u64 more = bytes - a->bytes;
    e->spill.full = !take_disk(e, a, more);
    if (e->spill.full) return false;
    void *start = a->data ? mremap(a->data, a->bytes, bytes, MREMAP_MAYMOVE)
                          : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, a->file - 1, 0);
    if (start == MAP_FAILED) return false;
    a->data = start, a->bytes = bytes;
    e->view.disk_bytes += more;
    return true;
}

static void file_free(struct Engine *e, struct Array *a) {
    if (a->data) munmap(a->data, a->bytes);
    close(a->file - 1);
    e->view.disk_bytes -= a->bytes;
    *a = (struct Array){0};
}

/* Give back the memory of what is written; it is read again if somebody asks.  forget: nobody will soon. */
static void let_go(struct Array *a, u64 from, u64 bytes, bool forget) {
    madvise((u8 *)a->data + from, bytes, MADV_DONTNEED);
    if (forget) posix_fadvise(a->file - 1, (off_t)from, (off_t)bytes, POSIX_FADV_DONTNEED);
}

/* The first `used` bytes are what they will be: write them out, block by block, and wait for each before the next but one. */
static void write_behind(struct Array *a, u64 used, bool forget) {
    for (; a->sent + BLOCK <= used; a->sent += BLOCK) {
        sync_file_range(a->file - 1, (off_t)a->sent, BLOCK, SYNC_FILE_RANGE_WRITE);
        if (a->sent < BLOCK) continue;
        u64 before = a->sent - BLOCK;
        sync_file_range(a->file - 1, (off_t)before, BLOCK, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        if (forget) let_go(a, before, BLOCK, true);
    }
}

/* Write the start of an array, wherever it lies. */
static void fill(struct Array *a, const void *from, u64 bytes) {
    for (u64 at = 0; at < bytes; at += BLOCK) {
        u64 size = bytes - at < BLOCK ? bytes - at : BLOCK;
        memcpy((u8 *)a->data + at, (const u8 *)from + at, size);
        if (a->file) write_behind(a, at + size, true);
    }
}

/* false: it stays where it is. */
static bool spill(struct Engine *e, struct Array *a) {
    struct Array to = {.file = new_file(e->spill.folder)};
    if (!to.file) return false;
    if (a->bytes && !file_grow(e, &to, a->bytes)) {
        file_free(e, &to);
        return false;
    }
    fill(&to, a->data, a->bytes);
    array_free(e, a);
    *a = to;
    return true;
}

/* ---- all of them ---- */

struct Spillable { struct Array *a; u64 used; bool is_read; };
#define SPILLABLE 5u

/* In the order in which they go; how many. */
static u32 list_spillable(struct Engine *e, struct Spillable *list) {
    const struct View *v = &e->view;
    u32 n = 0;
    if (e->model.keep_edges) {
        list[n++] = (struct Spillable){&e->target, v->transitions * 4, false};
        list[n++] = (struct Spillable){&e->label, v->transitions * 2, false};
        list[n++] = (struct Spillable){&e->row, v->expanded * 8, false};
    }
    list[n++] = (struct Spillable){&e->parent, v->states * 4, false};
    list[n++] = (struct Spillable){&e->keys, v->states * v->words32 * 4, true};
    return n;
}

/* Move one more array to disk; false if none is left, or it cannot be done. */
static bool spill_next(struct Engine *e) {
    struct Spillable list[SPILLABLE];
    if (!e->spill.folder) return false;
    for (u32 k = 0, n = list_spillable(e, list); k < n; k++)
        if (!list[k].a->file) return spill(e, list[k].a);
    return false;
}

/* Bytes of files that this process has in its memory; what the kernel keeps of them beside is not counted. */
static u64 mapped_of_files(void) {
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (!statm) return 0;
    if (fscanf(statm, "%*u %*u %lu", &pages) != 1) pages = 0;
    fclose(statm);
    return (u64)pages * (u64)sysconf(_SC_PAGESIZE);
}

/* Now and then: what is new is written out, and of what was read no more stays than the limit has room for. */
static void spill_tend(struct Engine *e) {
    struct Spillable list[SPILLABLE];
    if (!e->view.disk_bytes) return;
    u32 n = list_spillable(e, list);
    for (u32 k = 0; k < n; k++)
        if (list[k].a->file) write_behind(list[k].a, list[k].used, !list[k].is_read);
    if (e->byte_limit == UINT64_MAX || (fits(e, 0) && mapped_of_files() <= e->byte_limit - e->view.bytes)) return;
    for (u32 k = 0; k < n; k++)
        if (list[k].a->file && list[k].a->sent) let_go(list[k].a, 0, list[k].a->sent, !list[k].is_read);
}
