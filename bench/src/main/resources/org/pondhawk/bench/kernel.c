/*
 * What the kernel takes for faults and forks, of memory in 4 KiB pages without huge pages.
 * kernel MODE BYTES ROUNDS prints one "name value" line for each sample; times are nanoseconds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L

static size_t bytes, pages;
static uint32_t *order;

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void *must(void *p) {
  if (p == MAP_FAILED || p == NULL) {
    perror("memory");
    exit(1);
  }
  return p;
}

static char *anonymous(void) {
  char *p = must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  madvise(p, bytes, MADV_NOHUGEPAGE);
  return p;
}

static void shuffle(void) {
  order = must(malloc(pages * sizeof *order));
  for (size_t i = 0; i < pages; i++) order[i] = i;
  uint64_t x = 42;
  for (size_t i = pages - 1; i > 0; i--) {
    x = x * 6364136223846793005UL + 1442695040888963407UL;
    size_t j = (x >> 33) % (i + 1);
    uint32_t swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
}

/* Stores into every page in random order; the time of one. */
static double store_all(char *p) {
  long from = now();
  for (size_t i = 0; i < pages; i++) *(volatile long *)(p + order[i] * PAGE) = i;
  return (double)(now() - from) / pages;
}

static void in_child(char *p, const char *name) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    printf("%s %.2f\n", name, store_all(p));
    fflush(stdout);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

static void faults(int rounds) {
  for (int r = 0; r < rounds; r++) {
    char *p = anonymous();
    printf("first-touch %.2f\n", store_all(p));
    in_child(p, "copy-on-write"); /* the parent keeps its page, so each store copies */
    munmap(p, bytes);
    int fd = memfd_create("resident", 0);
    if (fd < 0 || ftruncate(fd, bytes)) exit(1);
    p = must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    store_all(p);
    munmap(p, bytes);
    p = must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    printf("soft %.2f\n", store_all(p)); /* stores, as loads would map 16 pages at a time */
    munmap(p, bytes);
    close(fd);
  }
}

static void fork_once(const char *name, long linger_micros) {
  fflush(stdout);
  long from = now();
  pid_t pid = fork();
  if (pid == 0) {
    if (linger_micros) usleep(linger_micros);
    _exit(0);
  }
  printf("%s %ld\n", name, now() - from);
  waitpid(pid, NULL, 0);
}

static volatile int stop;
static uint64_t counts[64 * 16];

static void *writer(void *memory) {
  char *p = memory;
  uint64_t x = 1;
  long last = now();
  while (!stop) {
    x = x * 6364136223846793005UL + 1442695040888963407UL;
    *(volatile long *)(p + ((x >> 20) % bytes & ~7UL)) = x;
    long t = now();
    uint64_t d = t - last;
    last = t;
    int e = d < 16 ? 3 : 63 - __builtin_clzl(d);
    counts[e * 16 + (d < 16 ? d : (d >> (e - 4)) & 15)]++;
  }
  return NULL;
}

static void forks(int rounds, int writing) {
  char *p = anonymous();
  store_all(p);
  pthread_t thread;
  if (writing) {
    pthread_create(&thread, NULL, writer, p);
    usleep(50000);
    memset(counts, 0, sizeof counts);
  }
  for (int r = 0; r < rounds; r++) fork_once("fork", writing ? 2000 : 0);
  if (!writing) return;
  stop = 1;
  pthread_join(thread, NULL);
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < 64 * 16; i++) total += counts[i];
  int printed = 0;
  const double share[] = {0.5, 0.99, 0.999};
  const char *name[] = {"store-p50", "store-p99", "store-p99.9"};
  for (int i = 0; i < 64 * 16; i++) {
    seen += counts[i];
    while (printed < 3 && seen >= share[printed] * total) {
      int e = i / 16;
      printf("%s %.0f\n", name[printed++], e < 4 ? (double)(i % 16) : (16.0 + i % 16) * (1UL << (e - 4)));
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  bytes = strtoul(argv[2], NULL, 10);
  pages = bytes / PAGE;
  shuffle();
  int rounds = atoi(argv[3]);
  if (!strcmp(argv[1], "faults")) faults(rounds);
  else forks(rounds, !strcmp(argv[1], "forks-writing"));
  return 0;
}
