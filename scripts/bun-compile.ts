// One JavaScript file and the runtime, as one executable.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { bunFor } from './bun-runtime.ts';

/** @param file a finished bundle: given sources, Bun would replace some packages by shims of its own */
export function compileWithBun(
  file: string,
  made: string,
  architecture: 'x64' | 'arm64',
  root: string,
): void {
  const bun = join(root, 'node_modules/@oven/bun-linux-x64/bin/bun');
  const options = [
    'build',
    '--compile',
    '--bytecode',
    '--minify',
    '--format=esm',
    `--target=bun-linux-${architecture}`,
    // A planted .env or bunfig.toml in the working directory must not matter: the program runs as root.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    // A call takes milliseconds: compiling its functions to machine code would cost more than it runs. Only very hot ones are.
    '--compile-jit-policy=10000',
    `--compile-executable-path=${bunFor(architecture, root)}`,
    file,
    `--outfile=${made}`,
  ];
  execFileSync(bun, options, { cwd: dirname(made), stdio: ['ignore', 'inherit', 'inherit'] });
}
