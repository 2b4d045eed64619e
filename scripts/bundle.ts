// One program of the image as one file, as Node.js runs it there.
import { resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');

/** CommonJS packages in an ESM bundle ask for require(). */
export const requireBanner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

/** @param program path of its source, in the repository */
export async function bundle(program: string, outfile: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: requireBanner,
    legalComments: 'none',
    // One comment with a character beyond Latin-1, and V8 keeps the whole text with two bytes a character: eight megabytes.
    minifyWhitespace: true,
    // So that a stack trace still says where.
    lineLimit: 160,
    logLevel: 'warning',
  });
}
