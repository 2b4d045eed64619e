// What V8 made of the programs when they were built, so that each start need not compile them again. Pure.

/** Environment of a program of `directory`, wherever that lies: names of what is cached count from there. */
export const compileCache = (directory: string) => ({
  NODE_COMPILE_CACHE: `${directory}/cache`,
  NODE_COMPILE_CACHE_PORTABLE: '1',
});
