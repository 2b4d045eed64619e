// What writes a file is seen and stopped. For parsers: they may only read what they are given.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const writers = [
  'appendFileSync',
  'chmodSync',
  'copyFileSync',
  'cpSync',
  'createWriteStream',
  'linkSync',
  'mkdirSync',
  'mkdtempSync',
  'openSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'symlinkSync',
  'truncateSync',
  'unlinkSync',
  'utimesSync',
  'writeFileSync',
  'writeSync',
  'appendFile',
  'mkdir',
  'open',
  'rename',
  'rm',
  'symlink',
  'unlink',
  'writeFile',
] as const;

/** Runs `action`; every writing function of node:fs that is called in it throws and is named. */
export function watchingWrites<T>(action: () => T): {
  readonly result: T;
  readonly writes: readonly string[];
} {
  const kept = writers.map((name): [string, unknown] => [name, Reflect.get(fs, name)]);
  const writes: string[] = [];
  for (const name of writers) {
    Reflect.set(fs, name, () => {
      writes.push(name);
      throw new Error(`wrote: ${name}`);
    });
  }
  syncBuiltinESMExports();
  try {
    return { result: action(), writes };
  } finally {
    for (const [name, original] of kept) Reflect.set(fs, name, original);
    syncBuiltinESMExports();
  }
}
