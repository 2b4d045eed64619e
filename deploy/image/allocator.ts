// How the C library shall keep the memory of the controller and the web program (mallopt(3)). By its own rules it would
// keep for good what the lists of a large cluster once needed: buffers of megabytes, from threads of their own.
export const allocator: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  // Set by hand they stay: what is large goes back to the system when it is freed.
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
